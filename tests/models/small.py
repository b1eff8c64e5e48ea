"""The bundled generators at their smallest, for trainings of a few steps."""

from semsyn.models import CLADEConfig, INADEConfig, IPOSEConfig, OASISConfig, SCGANConfig

SIZE = (128, 128)
SMALL = {
    "clade": CLADEConfig(num_classes=15, image_size=SIZE, width=1),
    "inade": INADEConfig(num_classes=15, image_size=SIZE, width=1, code_dim=4, instance_code_dim=2, has_encoder=True),
    "oasis": OASISConfig(num_classes=15, image_size=SIZE, width=1, hidden=2, code_dim=2),
    "ipose": IPOSEConfig(
        num_classes=15,
        image_size=SIZE,
        width=1,
        hidden=2,
        code_dim=2,
        convention="toyscenes",
        part_channels=3,
        part_widths=(2, 2, 2, 2),
        part_layers=1,
        num_parts=6,
        num_supported=5,
    ),
    "scgan": SCGANConfig(
        num_classes=15,
        image_size=SIZE,
        width=1,
        stem_width=1,
        routing_width=3,
        hidden=2,
        code_dim=4,
        has_encoder=True,
    ),
}
