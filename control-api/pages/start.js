// Shows /openapi.yaml. validatorUrl: the default would ask another host what it thinks of the document.
"use strict";
SwaggerUIBundle({
    url: "openapi.yaml",
    domNode: document.getElementById("docs"),
    deepLinking: true,
    validatorUrl: null,
});
