// MQTT.js, as a file of its own: it is most of what the client weighs, and the page is there before it. Taken from its
// sources instead of its own bundle, and without what only other connections need, it is 63 KB packed in the place of 104.
import MqttClient, { type IClientOptions } from "mqtt/lib/client";
import { browserStreamBuilder } from "mqtt/lib/connect/ws";

export function connect(url: string, options: IClientOptions): MqttClient {
    const { protocol, hostname, port, pathname } = new URL(url);
    const secure = protocol === "wss:";
    const all: IClientOptions = {
        ...options, protocol: secure ? "wss" : "ws", hostname, port: Number(port) || (secure ? 443 : 80), path: pathname,
    };
    return new MqttClient((client) => browserStreamBuilder(client, all), all);
}
