"""Greengrass V2 components: what a package needs to become one, as pure functions."""
