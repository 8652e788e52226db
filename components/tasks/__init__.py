"""What labels mean: a task names its metrics and turns label text into targets."""
