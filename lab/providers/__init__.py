"""Where a lab can live: one folder a provider."""
