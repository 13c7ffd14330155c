"""Why a plugin is not installed, or the whole cannot go on. Messages are read by case workers and in the log."""


class PluginRefusedError(Exception):
    """This plugin must not run: tampered with, unlicensed, incompatible, yanked. Trying again does not help."""


class PluginFailedError(Exception):
    """This plugin could not be fetched, unpacked, or does not work. It is tried again."""


class MarketplaceAwayError(Exception):
    """The marketplace does not answer as it should; what is installed keeps running, and it is asked again."""


class ManifestRefusedError(Exception):
    """The marketplace refuses us, or what it sent must not be believed. Somebody has to look."""
