"""What the methods of a paper cite: each work once, numbered in the order in which the text names it."""

from __future__ import annotations

WORKS = {
    "adamw": "Loshchilov & Hutter 2019, Decoupled weight decay regularization, ICLR.",
    "anscombe": "Anscombe 1948, Biometrika 35:246.",
    "bootstrap": "Efron & Tibshirani 1993, An Introduction to the Bootstrap, Chapman & Hall.",
    "captum": "Kokhlikyan et al. 2020, Captum, arXiv:2009.07896.",
    "cebra": "Schneider, Lee & Mathis 2023, Nature 617:360.",
    "core": "Lurz et al. 2021, Generalization in data-driven models of primary visual cortex, ICLR.",
    "deletion": "Petsiuk et al. 2018, RISE, BMVC.",
    "dina": "DINA: dual-tower image-neural alignment, arXiv:2605.04309.",
    "fdr": "Benjamini & Hochberg 1995, J. R. Stat. Soc. B 57:289.",
    "gradients": "Sundararajan, Taly & Yan 2017, Axiomatic attribution for deep networks, ICML.",
    "infonce": "van den Oord, Li & Vinyals 2018, arXiv:1807.03748.",
    "interactions": "Janizek, Sturmfels & Lee 2021, J. Mach. Learn. Res. 22:104.",
    "network": "Rupprecht et al. 2021, Nat. Neurosci. 24:1324.",
    "noise": "Averbeck, Latham & Pouget 2006, Nat. Rev. Neurosci. 7:358.",
    "oasis": "Friedrich, Zhou & Paninski 2017, PLoS Comput. Biol. 13:e1005423.",
    "occlusion": "Zeiler & Fergus 2014, ECCV.",
    "phases": "Galerne, Gousseau & Morel 2011, IEEE Trans. Image Process. 20:257.",
    "pursuit": "Pati, Rezaiifar & Krishnaprasad 1993, Asilomar Conf. 27:40.",
    "sanity": "Adebayo et al. 2018, Sanity checks for saliency maps, NeurIPS.",
    "sigmoid": "Zhai et al. 2023, Sigmoid loss for language image pre-training, ICCV.",
    "smooth": "Smilkov et al. 2017, SmoothGrad, arXiv:1706.03825.",
    "snakemake": "Mölder et al. 2021, F1000Research 10:33.",
    "suite2p": "Pachitariu et al. 2017, Suite2p, bioRxiv 061507.",
    "textures": "Portilla & Simoncelli 2000, Int. J. Comput. Vis. 40:49.",
    "variance": "Stringer et al. 2019, Nature 571:361.",
}


class References:
    """The works that a text has cited so far."""

    def __init__(self) -> None:
        self._cited: list[str] = []

    def __call__(self, *keys: str) -> str:
        """Cite: the numbers of works in brackets, such as ``[2, 3]``."""
        self._cited += [key for key in dict.fromkeys(keys) if key not in self._cited]
        return f"[{', '.join(str(self._cited.index(key) + 1) for key in keys)}]"

    def listed(self) -> list[str]:
        """One line a work, in order of numbers."""
        return [f"{number}. {WORKS[key]}" for number, key in enumerate(self._cited, start=1)]
