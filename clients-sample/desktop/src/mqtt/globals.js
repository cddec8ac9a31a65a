// What MQTT.js takes for given, since Node.js has it.
import process from "process/browser.js";
import { Buffer } from "buffer";
export { process, Buffer };
