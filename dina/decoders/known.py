"""Every decoder that a store can hold, by name."""

from __future__ import annotations

from dina.decoders.base import Decoder
from dina.decoders.cca import CcaDecoder
from dina.decoders.cebra import CebraDecoder
from dina.decoders.convolutional import ConvolutionalDecoder
from dina.decoders.core_readout import CoreReadoutDecoder
from dina.decoders.dina import DinaDecoder
from dina.decoders.encoding import EncodingDecoder
from dina.decoders.gabor_ridge import GaborRidgeDecoder
from dina.decoders.ridge import RidgeDecoder

DECODERS: dict[str, type[Decoder]] = {
    decoder.name: decoder
    for decoder in (
        DinaDecoder,
        RidgeDecoder,
        GaborRidgeDecoder,
        CcaDecoder,
        ConvolutionalDecoder,
        EncodingDecoder,
        CoreReadoutDecoder,
        CebraDecoder,
    )
}
