"""AppDeployed -> CoreHealthy: waits until vrs-core answers as ordered. PluginsChanged -> PluginsConverged."""
