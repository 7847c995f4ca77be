"""In which order a thinned-out video latent is decoded, so that every kept frame comes out clean."""

from __future__ import annotations

from collections.abc import Sequence

IMAGES_PER_LATENT = 4  # latent frame 0 holds image 0, latent frame i the images 4i-3 to 4i
SHORT_GAP = 3  # latent frames, up to which one repetition is enough


def decoding_order(kept: Sequence[int]) -> tuple[list[int], list[int]]:
    """(order, settled): latent frames as they are decoded, and the image that shows each kept one.

    Wan's VAE is causal: each image is decoded with memories of those before it. After a gap they are of another moment
    and leave a ghost of it in all four images of the latent frame. So a frame behind a gap is decoded again right after
    itself, once behind a short gap and twice behind a longer one; the last image then remembers a still scene. On clips
    of the embedded model this gives the quality of the whole video, where plain decoding loses 0.6 dB after stride 3
    and 2.6 dB after first + last (`research.benchmarks.sparse_decode` prints the table).

    Args:
        kept: places of the latent frames in the undropped video, ascending.

    Returns:
        order: indices into `kept`, some of them repeated. settled: for each of `kept` the index of its image among the
        4n - 3 images that the n latent frames of `order` decode to.
    """
    order, settled = [], []
    for index, place in enumerate(kept):
        gap = place - kept[index - 1] if index else 1
        repetitions = 0 if gap == 1 else 1 if gap <= SHORT_GAP else 2
        order += [index] * (1 + repetitions)
        settled.append(IMAGES_PER_LATENT * (len(order) - 1))
    return order, settled
