"""Registered models: where they come from, the gate, the champion."""
