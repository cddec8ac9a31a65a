// One connection to the broker, by MQTT.js, which is loaded when it is first needed. It is never reused: when it ends,
// the engine makes another.

import type { MqttClient, IClientOptions } from "mqtt";
import type { MqttCredentials } from "./types";

declare const MQTT_URL: string; // of the build: where MQTT.js is

const KEEPALIVE_S = 240; // browsers slow the timers of hidden pages down to one a minute
const PING_MS = 8000;

interface Mqtt {
    connect(url: string, options: IClientOptions): MqttClient;
}

// Fetches a module; under another address after each time that failed, since browsers keep a failure for good.
export function loader<T>(url: string, get: (url: string) => Promise<unknown> = (from) => import(from)): () => Promise<T> {
    let failed = 0;
    return () => get(failed > 0 ? `${url}&try=${failed}` : url).catch((error) => {
        failed++;
        throw error;
    }) as Promise<T>;
}

const load = loader<Mqtt>(MQTT_URL);

export class Refused extends Error {
    constructor(readonly code: number) {
        super(`refused: ${code}`);
    }

    // Whether other credentials would help.
    get credentials(): boolean {
        return [4, 5, 0x86, 0x87].includes(this.code);
    }
}

export class Live {
    readonly closed: Promise<void>;

    private constructor(private client: MqttClient, onMessage: (topic: string, payload: string) => void) {
        this.closed = new Promise((resolve) => client.once("close", resolve));
        client.on("message", (topic, payload) => onMessage(topic, payload.toString()));
        client.on("error", () => client.end(true));
    }

    static async open(
        mqtt: MqttCredentials, onMessage: (topic: string, payload: string) => void, signal: AbortSignal,
    ): Promise<Live> {
        const { connect } = await load();
        signal.throwIfAborted();
        const client = connect(mqtt.ws, {
            clientId: mqtt.client_id, username: mqtt.username, password: mqtt.password, protocolVersion: 5, clean: true,
            keepalive: KEEPALIVE_S, connectTimeout: 15_000, reconnectPeriod: 0, resubscribe: false, queueQoSZero: false,
            forceNativeWebSocket: true,
            timerVariant: "native", // the other way is a worker from a blob: URL, which the page's policy forbids
        });
        const stop = () => client.end(true);
        signal.addEventListener("abort", stop);
        return new Promise((resolve, reject) => {
            client.once("error", (error) => reject(new Refused((error as { code?: number }).code ?? 0)));
            const live = new Live(client, onMessage); // after that: its own handler closes at once
            client.once("connect", () => resolve(live));
            client.once("close", () => {
                signal.removeEventListener("abort", stop);
                reject(new Refused(0));
            });
        });
    }

    // Tells which filters were refused.
    subscribe(filters: string[]): Promise<string[]> {
        return new Promise((resolve, reject) => {
            if (filters.length === 0) return resolve([]);
            this.client.subscribe(filters, { qos: 1 }, (error, granted, packet) => {
                const codes = packet?.granted as number[] | undefined;
                if (codes) resolve(filters.filter((_, i) => (codes[i] ?? 0x80) >= 0x80));
                else if (error) reject(error);
                else resolve(filters.filter((f) => !granted?.some((g) => g.topic === f && g.qos < 0x80)));
            });
        });
    }

    unsubscribe(filters: string[]): void {
        if (filters.length > 0) this.client.unsubscribe(filters, () => undefined);
    }

    // Resolves at the broker's acknowledgement, whatever it says: Errors come on a topic of their own.
    publish(topic: string, payload: string, qos: 0 | 1 = 1): void {
        this.client.publish(topic, payload, { qos }, () => undefined);
    }

    // Ends the connection if the broker does not answer.
    check(): void {
        const timer = setTimeout(() => this.end(), PING_MS);
        const heard = () => {
            clearTimeout(timer);
            this.client.off("packetreceive", heard);
        };
        this.client.on("packetreceive", heard);
        this.client.once("close", heard);
        this.client.sendPing();
    }

    end(): void {
        this.client.end(true);
    }
}
