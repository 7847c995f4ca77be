"""The embedded text encoder and VAE behind ComfyUI's CLIP and VAE sockets."""

from __future__ import annotations

import comfy.ops
import comfy.sd
import comfy.supported_models_base
import torch
from comfy.sd1_clip import ClipTokenWeightEncoder, escape_important, token_weights, unescape_important

from . import weights
from .text_encoder import END, LENGTH, PAD, RESERVED, TextEncoder, Tokenizer


def load_text_encoder() -> comfy.sd.CLIP:
    """The embedded text encoder behind ComfyUI's CLIP socket. Raises `weights.WeightsError`."""
    state, config = weights.load_part("text_encoder")
    words = config["words"]

    class EmbeddedTextEncoder(_EmbeddedTextEncoder):
        vocabulary = RESERVED + len(words)

    class EmbeddedTokenizer(_EmbeddedTokenizer):
        word_list = words

    target = comfy.supported_models_base.ClipTarget(EmbeddedTokenizer, EmbeddedTextEncoder)
    clip = comfy.sd.CLIP(target, parameters=sum(tensor.numel() for tensor in state.values()))
    clip.load_sd(state)
    return clip


def is_embedded(clip) -> bool:
    """Whether a CLIP socket brings the embedded text encoder, which knows the words of its own world only."""
    return isinstance(getattr(clip, "tokenizer", None), _EmbeddedTokenizer)


def load_vae() -> comfy.sd.VAE:
    """The embedded VAE behind ComfyUI's VAE socket. Raises `weights.WeightsError`."""
    vae = comfy.sd.VAE(sd=weights.load_part("vae")[0])
    vae.knows_demo_world_only = True
    return vae


def is_embedded_vae(vae) -> bool:
    """Whether a VAE socket brings the embedded VAE, which knows the pictures of its own world only."""
    return getattr(vae, "knows_demo_world_only", False)


class _EmbeddedTokenizer:
    """The word list behind the interface that ComfyUI expects of tokenizers, with (emphasis:1.2)."""

    word_list: list[str]

    def __init__(self, embedding_directory=None, tokenizer_data=None):
        self.tokenizer = Tokenizer(self.word_list)

    def tokenize_with_weights(self, text: str, return_word_ids: bool = False, **kwargs):
        pairs = [
            (number, weight)
            for segment, weight in token_weights(escape_important(text), 1.0)
            for number in self.tokenizer(unescape_important(segment))[:-1]
        ]
        pairs = [*pairs[: LENGTH - 1], (END, 1.0)]
        pairs += [(PAD, 1.0)] * (LENGTH - len(pairs))
        if return_word_ids:
            pairs = [(*pair, word) for word, pair in enumerate(pairs, 1)]
        return {"demo": [pairs]}

    def untokenize(self, token_weight_pair):
        names = {PAD: "", END: ""}
        names |= {number: word for word, number in self.tokenizer.index.items()}
        return [(pair, names.get(pair[0], "?")) for pair in token_weight_pair]

    def state_dict(self):
        return {}


class _EmbeddedTextEncoder(torch.nn.Module, ClipTokenWeightEncoder):
    """The text encoder behind the interface that ComfyUI expects of them."""

    vocabulary: int

    def __init__(self, device="cpu", dtype=None, model_options=None):
        super().__init__()
        # So small that half precision would gain nothing.
        self.transformer = TextEncoder(self.vocabulary, operations=comfy.ops.disable_weight_init).to(device)
        self.dtypes = {torch.float32}

    def set_clip_options(self, options):
        pass  # has no layers to choose among

    def reset_clip_options(self):
        pass

    def gen_empty_tokens(self, special_tokens, length):
        return [END] + [PAD] * (length - 1)

    special_tokens: dict = {}

    def encode(self, tokens):
        # Where the encoder is, which ComfyUI decides before each use.
        device = self.transformer.position.device
        return self.transformer(torch.tensor(tokens, device=device)), None

    def encode_token_weights(self, token_weight_pairs):
        return ClipTokenWeightEncoder.encode_token_weights(self, token_weight_pairs["demo"])

    def load_sd(self, state):
        return self.transformer.load_state_dict(state)
