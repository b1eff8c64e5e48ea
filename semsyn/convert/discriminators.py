"""Key map of the released training states' discriminator."""

from semsyn.convert.keymap import KeyMap

PATCHGAN = KeyMap(
    rename={
        "discriminator_{s}.model{b}.0.{p}": "scales.{s}.blocks.{b}.conv.{p}",  # first and last block: no spectral norm
        "discriminator_{s}.model{b}.0.0.weight_orig": "scales.{s}.blocks.{b}.conv.parametrizations.weight.original",
        "discriminator_{s}.model{b}.0.0.weight_u": "scales.{s}.blocks.{b}.conv.parametrizations.weight.0.u",
        "discriminator_{s}.model{b}.0.0.weight_v": "scales.{s}.blocks.{b}.conv.parametrizations.weight.0.v",
    },
)
