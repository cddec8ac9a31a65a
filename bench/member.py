"""A connection of one person over MQTT that remembers what came when."""

import json
import threading
import time

from paho.mqtt import client as paho

from brokers import BenchError

WAIT_S = 60


class Member:
    """`topics`: what it listens to, beside the errors of its person. `what`: the row, for words."""

    def __init__(self, what, port, mqtt, topics):
        self._what = what
        self._changed = threading.Condition()
        self._ready = False
        self.arrived = []  # (time, nonce)
        self.errors = []  # (time, code)
        self.gone_at = None
        self._filters = [(topic, 1) for topic in (*topics, f"user/{mqtt['username']}/errors")]
        self._client = paho.Client(mqtt["client_id"], clean_session=True)
        self._client.username_pw_set(mqtt["username"], mqtt["password"])
        self._client.on_connect = lambda client, *_: client.subscribe(self._filters)
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message
        self._client.on_disconnect = self._on_disconnect
        self._client.connect("127.0.0.1", port, keepalive=60)
        self._client.loop_start()
        self.wait(lambda: self._ready, "a subscription")

    def _note(self, change):
        with self._changed:
            change()
            self._changed.notify_all()

    def _on_subscribe(self, _client, _userdata, _mid, granted):
        if all(code < 128 for code in granted):
            self._note(lambda: setattr(self, "_ready", True))

    def _on_message(self, _client, _userdata, message):
        now = time.monotonic()
        body = json.loads(message.payload)
        if message.topic.endswith("/errors"):
            self._note(lambda: self.errors.append((now, body["code"])))
        else:
            self._note(lambda: self.arrived.append((now, body["nonce"])))

    def _on_disconnect(self, client, *_):
        if not self._ready:
            return  # turned away while its rights were being loaded: it comes again by itself
        now = time.monotonic()
        self._note(lambda: setattr(self, "gone_at", self.gone_at or now))
        client.disconnect()  # it is not to come again

    def wait(self, predicate, what):
        with self._changed:
            if not self._changed.wait_for(predicate, WAIT_S):
                raise BenchError(f"{self._what}: {what} did not come within {WAIT_S} s")

    def publish(self, topic, nonce):
        text = json.dumps({"nonce": nonce, "text": "Are you still coming tonight?"})
        self._client.publish(topic, text, qos=1)

    def close(self):
        self._client.disconnect()
        self._client.loop_stop()
