"""A decoded photograph. It exists in memory only and never carries its bytes, name or path."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Image:
    """An upright photograph.

    rgb: (H, W, 3) uint8, sRGB, EXIF orientation applied, C-contiguous.
    scale: pixels of `rgb` per pixel of the upright original (1.0, or less where the decoder reduced it);
        divide coordinates in `rgb` by it to get coordinates in the original.
    """

    rgb: NDArray[np.uint8]
    scale: float = 1.0

    @property
    def width(self) -> int:
        return int(self.rgb.shape[1])

    @property
    def height(self) -> int:
        return int(self.rgb.shape[0])
