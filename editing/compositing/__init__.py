"""The way of a photo to the model's size, and of the edit back into the untouched photo."""
