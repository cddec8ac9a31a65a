"""People of a server: its posts, and one of its channels."""

from lib import rawmqtt as mqtt
from lib.bed.chatter import Place
from lib.servers import enter, join, make_channel, make_server


class Club:
    """alice's server: she posts, bob and carol chat with her in a channel, erin only reads the posts, dave has no
    business here."""

    def __init__(self, bed):
        self.bed = bed
        (self.alice, self.dave), (self.dm,) = bed.people(2)
        self.bob, self.carol, self.erin = (bed.instance.sign_up() for _ in range(3))
        self.server = make_server(self.alice)["id"]
        channel = make_channel(self.alice, self.server)
        self.posts = Place(self.server, f"server/{self.server}")
        self.channel = Place(channel, f"server/{self.server}/channel/{channel}")
        for person in (self.bob, self.carol, self.erin):
            join(person, self.server)
        for person in (self.alice, self.bob, self.carol):
            enter(person, self.channel)
        bed.members.update({self.posts: set(), self.channel: set()})

    def open(self, **kw):
        bed, both = self.bed, [self.posts, self.channel]
        bed.chatter("alice", self.alice, [*both, self.dm], **kw)
        bed.chatter("alice2", self.alice, both, version=mqtt.V311, suffix="phone", catch_up="rest", **kw)
        self.talkers = [bed.chatter("bob", self.bob, [self.channel], version=mqtt.V311, **kw),
                        bed.chatter("carol", self.carol, [self.channel], websocket=True, **kw)]
        bed.poster("rest", self.alice, both)
        self.readers = [bed.chatter("bob reads", self.bob, [self.posts], suffix="reads"),
                        bed.chatter("erin", self.erin, [self.posts], forbidden=[self.channel])]
        for reader in self.readers:
            reader.budget = 0
        bed.chatter("dave", self.dave, [self.dm], forbidden=both, **kw)
        bed.ready()

    def talk(self):
        self.bed.talk()
        for reader in self.readers:
            reader.talking.clear()

    def until_more(self, count=30):
        heads = {room: self.bed.head(room) for room in (self.posts, self.channel)}
        self.bed.until(lambda: all(self.bed.head(r) >= n + count for r, n in heads.items()), "the talk goes on")
