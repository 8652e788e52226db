"""Score: predictions by the champion."""
