"""What a run is: the graph of stages, the recipe, the settings, the store, and how a stage is executed."""
