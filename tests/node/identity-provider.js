// An OpenID Connect provider on loopback: npm's oidc-provider, with its own login and consent pages.
//
//   identity-provider.js '{"port", "clients", "accounts", "algs", "conform", …}'
//
// accounts: claims by the name that is typed at login. It prints a line once it listens, and ends
// with its standard input.
"use strict";

const crypto = require("crypto");
const path = require("path");
const { pathToFileURL } = require("url");

const settings = JSON.parse(process.argv[2]);

function key(kid, type, options, alg) {
  const { privateKey } = crypto.generateKeyPairSync(type, options);
  return { ...privateKey.export({ format: "jwk" }), kid, alg, use: "sig" };
}

const makers = {
  RS256: () => key("rs", "rsa", { modulusLength: 2048 }, "RS256"),
  PS256: () => key("ps", "rsa", { modulusLength: 2048 }, "PS256"),
  ES256: () => key("es", "ec", { namedCurve: "P-256" }, "ES256"),
  EdDSA: () => key("ed", "ed25519", {}, "EdDSA"),
};

async function main() {
  // Its package is an ES module, which NODE_PATH does not lead to.
  const home = path.join(process.env.NODE_PATH, "oidc-provider", "lib", "index.js");
  const { default: Provider } = await import(pathToFileURL(home));
  const issuer = `http://127.0.0.1:${settings.port}`;
  const provider = new Provider(issuer, {
    clients: settings.clients,
    jwks: { keys: Object.values(makers).map((make) => make()) },
    cookies: { keys: [crypto.randomBytes(16).toString("hex")] },
    claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name", "preferred_username"] },
    // Standard providers give these by userinfo only, others put them into the ID token.
    conformIdTokenClaims: settings.conform === true,
    enabledJWA: { idTokenSigningAlgValues: settings.algs || ["RS256", "PS256", "ES256", "EdDSA"] },
    features: { devInteractions: { enabled: true } },
    clientAuthMethods: settings.methods || ["client_secret_basic", "client_secret_post", "none"],
    ttl: { Interaction: 600, Session: 600, Grant: 600, AccessToken: 600, IdToken: 600, AuthorizationCode: 60 },
    findAccount: (ctx, id) => {
      const claims = settings.accounts[id];
      return claims && { accountId: id, claims: () => ({ sub: id, ...claims }) };
    },
  });
  provider.listen(settings.port, "127.0.0.1", () => console.log(JSON.stringify({ issuer })));
}

process.stdin.resume();
process.stdin.on("end", () => process.exit(0));
main().catch((error) => {
  console.error(error);
  process.exit(1);
});
