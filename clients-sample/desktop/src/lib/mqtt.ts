// MQTT.js, as a file of its own: it is most of what the client weighs, and the page is there before it.
import mqtt from "mqtt";

export const connect = mqtt.connect;
