"""Raw samples in, one row of predictions each out: what a served model does with a request."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from components.modalities.registry import packed_as
from components.modalities.views import build_views
from components.registry.served import Served

if TYPE_CHECKING:
    import pandas as pd


class Predictor:
    """Of a model of any task."""

    def __init__(self, model: Served, batch_size: int = 256) -> None:
        self.model = model.eval()
        self.batch_size = batch_size
        self.packing = model.description.packing
        self.modality, self.views = packed_as(self.packing), build_views(self.packing)

    def values(self, given: Any) -> list[Any]:
        """The samples of a request, each as it came; see Modality.values."""
        return self.modality.values(given, self.packing)

    @torch.inference_mode()
    def predict(self, values: Sequence[Any]) -> "pd.DataFrame":
        """The prediction of each sample. Never raises for a sample: its row says why.

        Args:
            values: samples as a request holds them; see components/modalities/NAME/serve.py.

        Returns:
            the columns of the model's `outputs`, and error: why a sample has no prediction, null where it has one. All
            other columns are null then.
        """
        import pandas as pd  # two seconds that training need not wait for

        errors, parts = list[str | None](), list[dict[str, NDArray[Any]]]()
        for start in range(0, len(values), self.batch_size):
            results = [self._row(value) for value in values[start : start + self.batch_size]]
            errors += [result if isinstance(result, str) else None for result in results]
            rows = [result for result in results if not isinstance(result, str)]
            if rows:
                parts.append(self.seen(rows))
        columns = self.columns(parts)
        place = iter(range(len(values)))
        order = [next(place) if error is None else None for error in errors]
        filled = {name: [None if k is None else of[k] for k in order] for name, of in columns.items()}
        nullable = {*self.model.nullable, "error"} | (set(filled) if any(errors) else set())
        return pd.DataFrame(
            {
                name: pd.Series(of, dtype=object if name in nullable else None)
                for name, of in {**filled, "error": errors}.items()
            }
        )

    @torch.inference_mode()
    def seen(self, rows: Sequence[NDArray[Any]], size: int = 0) -> dict[str, NDArray[Any]]:
        """What the model finds in a batch of rows of arrays, by name [rows, ...]; see Served.see. size: up to which the
        batch is filled with its last row."""
        batch = [*rows, *[rows[-1]] * (size - len(rows))]
        found = self.model.see(self.views.clean(self.views.collate(batch)))
        return {name: tensor[: len(rows)].cpu().numpy() for name, tensor in found.items()}

    def columns(self, parts: Sequence[Mapping[str, NDArray[Any]]]) -> dict[str, list[Any]]:
        """The columns of the model's `outputs`, of what was seen in several batches."""
        if not parts:
            return {name: [] for name in self.model.outputs}
        return self.model.columns({name: np.concatenate([part[name] for part in parts]) for name in parts[0]})

    def _row(self, value: Any) -> NDArray[Any] | str:
        """The sample as a row of the arrays, or why there is none."""
        try:
            return self.modality.row_of(value, self.packing)
        except (ValueError, TypeError) as error:
            return str(error)
