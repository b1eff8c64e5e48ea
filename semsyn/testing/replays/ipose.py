"""What replays each kind of iPOSE's golden files."""

from semsyn.testing.golden.case import Handler
from semsyn.testing.replays import ipose_data, ipose_network, ipose_parts, ipose_training, segmentation

HANDLERS: dict[str, Handler] = {
    "crop_paste": ipose_network.crop_paste,
    "partgen_scene": ipose_network.scene,
    "data_ade": ipose_data.data,
    "data_coco": ipose_data.data,
    "data_city": ipose_data.data,
    "psm": ipose_network.part_modulation,
    "g_block": ipose_network.residual_block,
    "generator": ipose_network.generator,
    "encoder": ipose_parts.part_encoder,
    "decoder": ipose_parts.part_decoder,
    "cross_attention": ipose_parts.cross_attention,
    "partnet": ipose_parts.part_net,
    "support_maps": ipose_parts.support_maps,
    "data_partsplit": ipose_parts.part_shape,
    "part_colormap": ipose_parts.part_colors,
    "hinge": ipose_training.hinge,
    "remd": ipose_training.earth_mover,
    "clip_token_loss": ipose_training.clip_token_loss,
    "local_crops": ipose_training.local_crops,
    "train_losses": ipose_training.train_losses,
    "discriminator_global": segmentation.discriminator,
}
