"""ComfyUI's face of the pack: one file per step of an edit, listed in the order a graph reads."""

from comfy_api.latest import ComfyExtension, io

from .caption import TemporalCaption
from .compare import CompareImages
from .compositing import CompositeEdit, FitImageForWan
from .demo_model import LoadDemoEditModel
from .dropout import DropoutSchedule, TemporalLatentDropout
from .edit_sampler import EditSampler
from .keyframes import DecodeKeyframes
from .language_models import VLMFromServer, VLMFromTextEncoder, VLMFromTransformers
from .refinement import StillVideoRefiner
from .selection import FrameCollage, FrameSelector
from .start_image import StartImageToVideo


class IFEditExtension(ComfyExtension):
    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        return [
            LoadDemoEditModel,
            FitImageForWan,
            TemporalCaption,
            VLMFromTextEncoder,
            VLMFromTransformers,
            VLMFromServer,
            StartImageToVideo,
            EditSampler,
            DropoutSchedule,
            TemporalLatentDropout,
            DecodeKeyframes,
            FrameSelector,
            FrameCollage,
            StillVideoRefiner,
            CompositeEdit,
            CompareImages,
        ]
