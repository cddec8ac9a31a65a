"""Helpers that the tests share: an instance of Hum, its REST API, its database."""
