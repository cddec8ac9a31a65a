// In the place of the package lru-cache: it keeps topic aliases, of which this client makes none.
export class LRUCache {}
