"""Motion correction of one plane by suite2p, from the user's files to registered frames."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np

from dina import stores
from dina.imaging.conversion import Imported, import_frames
from dina.imaging.frame_times import frame_times_s
from dina.imaging.frames import FRAMES, FrameFile
from dina.imaging.masking import read_bad_frames
from dina.imaging.movies import Movie
from dina.imaging.quality import bidirectional_offset_px, compare_stretches, crispness, dark_share
from dina.settings import AcquisitionInfo, RegistrationSettings
from dina.threads import single_torch_thread

STRUCTURAL = "structural.int16"
MIN_NON_RIGID_SIDE_PX = 64
MIN_GOOD_SHARE = 0.5
STRETCH_FRAMES = 500  # registered by one thread without a break: filters are made anew for each stretch
LARGEST_BLOCK_SHARE = 0.75  # of a side: suite2p needs two blocks each way, with centres apart


def register_plane(
    movie: list[Path],
    output: Path,
    plane: int,
    acquisition: AcquisitionInfo,
    settings: RegistrationSettings,
    *,
    n_threads: int = 1,
) -> None:
    """Read one plane's frames, correct their motion and write the ``registered`` store.

    The store holds ``frames.int16`` (frames, height, width) of the functional channel and

    - ``rigid_offsets_px`` (frames, 2) and, if non-rigid, ``block_offsets_px`` (frames, blocks, 2) with
      ``block_centres_px`` (blocks, 2): y and x of how far the brain stood displaced in the raw frame,
      positive towards larger row and column; the displacement at a block is the sum of both;
    - ``valid_frames`` (frames,): false where the user masked a frame, or where suite2p distrusts its shift;
    - ``frame_mean`` (frames,) before registration, ``mean_image``, ``mean_image_raw`` (height, width), in stored
      values, and ``mean_image_structural`` where there is such a channel;
    - ``residual_motion_px`` (averages,) and ``residual_frame`` (averages,), the middle frame of each;
    - attributes: ``n_frames``, ``height_px``, ``width_px``, ``volume_rate_hz``, ``pixel_size_um``,
      ``plane``, ``pixel_scale`` (stored value per value in the file), ``n_dropped_pages``, ``n_blocks`` (0 if rigid),
      ``visible_rows`` and ``visible_columns`` (first and end of what is inside the field of view in every valid
      frame), ``crispness_raw``, ``crispness``, ``residual_motion_px`` (median), ``persistence``,
      ``neighbour_likeness`` (see :class:`~dina.imaging.quality.Likeness`), ``clipped_share``, ``repeated_share``,
      ``dark_share``, and ``bidirectional_shift_px`` that was corrected and ``bidirectional_offset_px`` that is left.

    Memory is independent of the movie's length. The movie is read once; a structural channel takes as much disk as
    the functional one while this runs.

    Parameters
    ----------
    movie : files in order of acquisition
    output : Path
    plane : int, from 0
    acquisition : AcquisitionInfo
    settings : RegistrationSettings
    n_threads : int
        Stretches of frames that are registered at once, each with one thread: more are nearly as many times faster,
        and give the same bytes. Each adds memory: 0.3 GB measured at 256 × 256 pixels, in proportion to them.

    Raises
    ------
    InputError
        If the files cannot be used, naming file and frame, or if the volume rate is unknown.
    """
    source = Movie(movie, acquisition)
    known = source.acquisition
    _, rate_hz = frame_times_s(source, plane)
    bad = bad_frames(known, source.n_frames)
    with stores.new_store(output) as store:
        frames, imported = _import(source, plane, None, store / FRAMES, bad)
        structural, other = None, None
        if known.structural_channel is not None:
            structural, other = _import(source, plane, known.structural_channel, store / STRUCTURAL, bad)
        corrected_px, offset_px = _unite_lines(frames, structural, settings, bad)
        block_px = block_size_px(source.height, source.width, settings)
        registered = _register(frames, structural, settings, block_px, bad, n_threads)
        if structural is not None:
            structural.path.unlink()  # of the structural channel, its mean image is all that is used
        rows, columns = visible_range(registered, frames.shape)
        likeness = compare_stretches(frames, registered["meanImg"], slice(*rows), slice(*columns))
        n_blocks = _write_offsets(store, registered, block_px, frames.shape)
        stores.write_array(store, "valid_frames", ~registered["badframes"])
        stores.write_array(store, "frame_mean", imported.frame_mean, unit="stored value")
        stores.write_array(store, "mean_image", registered["meanImg"], unit="stored value")
        stores.write_array(store, "mean_image_raw", imported.mean_image, unit="stored value")
        if other is not None:
            stores.write_array(store, "mean_image_structural", registered["meanImg_chan2"], unit="stored value")
        stores.write_array(store, "residual_motion_px", likeness.residual_px, unit="px")
        stores.write_array(store, "residual_frame", likeness.middle_frame)
        stores.write_attributes(
            store,
            {
                "n_frames": len(frames),
                "height_px": source.height,
                "width_px": source.width,
                "volume_rate_hz": rate_hz,
                "pixel_size_um": known.pixel_size_um,
                "plane": plane,
                "pixel_scale": imported.pixel_scale,
                "n_dropped_pages": source.n_dropped_pages,
                "n_blocks": n_blocks,
                "visible_rows": rows,
                "visible_columns": columns,
                "crispness_raw": crispness(imported.mean_image, interpolated=False),
                "crispness": crispness(registered["meanImg"], interpolated=block_px is not None),
                "residual_motion_px": float(np.median(likeness.residual_px)),
                "persistence": likeness.persistence,
                "neighbour_likeness": likeness.neighbour_likeness,
                "clipped_share": imported.clipped_share,
                "repeated_share": imported.repeated_share,
                "dark_share": dark_share(imported.mean_image),
                "bidirectional_shift_px": corrected_px,
                "bidirectional_offset_px": offset_px,
            },
        )


def bad_frames(acquisition: AcquisitionInfo, n_frames: int) -> np.ndarray:
    """(frames,) bool: what the recording sheet's table of bad frames masks; none without one."""
    if acquisition.bad_frames is None:
        return np.zeros(n_frames, bool)
    return read_bad_frames(Path(acquisition.bad_frames), n_frames)


def _import(movie: Movie, plane: int, channel: int | None, path: Path, bad: np.ndarray) -> tuple[FrameFile, Imported]:
    """Copy a plane's frames of one channel into a frame file."""
    view = movie.plane(plane, channel)
    frames = FrameFile(path, view.height, view.width, create=True)
    return frames, import_frames(view, frames, bad)


def block_size_px(height: int, width: int, settings: RegistrationSettings) -> tuple[int, int] | None:
    """Height and width of non-rigid blocks, shrunk to the field of view; None means rigid."""
    if not settings.non_rigid or min(height, width) < MIN_NON_RIGID_SIDE_PX:
        return None
    return tuple(min(settings.block_px, int(LARGEST_BLOCK_SHARE * side) // 8 * 8) for side in (height, width))


def visible_range(registered: dict, shape: tuple[int, int, int]) -> tuple[list[int], list[int]]:
    """First and end of the rows, and of the columns, that lie inside the field of view in every good frame.

    Rigid shifts wrap the frame round, so what a shift moved in from the other side is no tissue. Where
    less than half of the frames are good, all count, as in suite2p.
    """
    good = ~registered["badframes"]
    if good.mean() < MIN_GOOD_SHARE:
        good[:] = True
    ranges = []
    for offsets, side in ((registered["yoff"][good], shape[1]), (registered["xoff"][good], shape[2])):
        ranges.append([int(max(0, -offsets.min())), int(side - max(0, offsets.max()))])
    return ranges[0], ranges[1]


def _register(
    frames: FrameFile,
    structural: FrameFile | None,
    settings: RegistrationSettings,
    block_px: tuple[int, int] | None,
    bad: np.ndarray,
    n_threads: int,
) -> dict:
    """Register frames in place, and those of a structural channel with them.

    Returns suite2p's outputs: ``yoff``, ``xoff``, ``corrXY`` (frames,); ``yoff1``, ``xoff1`` (frames, blocks) or None;
    ``badframes`` (frames,), ``yrange``, ``xrange``; ``meanImg``, ``meanImg_chan2`` (height, width) or None.
    """
    from dina.imaging import suite2p

    suite2p.load()
    import torch
    from suite2p.registration.register import compute_crop, compute_reference

    options = suite2p.settings_for("registration") | {
        "maxregshift": settings.max_shift_share,
        "smooth_sigma": settings.smooth_sigma_px,
        "smooth_sigma_time": settings.smooth_sigma_frames,
        "spatial_taper": settings.edge_taper_px,
    }
    by_structural = structural is not None and settings.align_by == "structural"
    aligned, other = (structural, frames) if by_structural else (frames, structural)
    sample = _sample(aligned, settings, bad)
    with single_torch_thread():
        # with smaller batches, suite2p 1.1 chooses among the frames of the last batch alone
        batch = {"batch_size": len(sample)}
        reference = compute_reference(sample, settings=options | batch, device=torch.device("cpu"))
        stretches = frames.blocks(max(1, STRETCH_FRAMES // settings.batch_frames) * settings.batch_frames)
        work = partial(_register_stretch, aligned, other, reference, settings, block_px)
        with ThreadPoolExecutor(n_threads) as pool:
            parts = list(pool.map(work, stretches))
    offsets, means, other_means = zip(*parts, strict=True)
    yoff, xoff, correlation, yoff1, xoff1 = (
        None if parts[0] is None else np.concatenate(parts) for parts in zip(*offsets, strict=True)
    )
    with np.errstate(invalid="ignore", divide="ignore"):  # a movie that never moves divides by its mean motion
        bad, rows, columns = compute_crop(
            xoff, yoff, correlation, settings.bad_frame_threshold, bad, settings.max_shift_share, *frames.shape[1:]
        )
    shares = [(part.stop - part.start) / len(frames) for part in stretches]
    mean_image = np.einsum("syx,s->yx", means, shares).astype(np.float32)
    other_mean = None if other is None else np.einsum("syx,s->yx", other_means, shares).astype(np.float32)
    return {
        "yoff": yoff,
        "xoff": xoff,
        "yoff1": yoff1,
        "xoff1": xoff1,
        "badframes": bad,
        "yrange": rows,
        "xrange": columns,
        "meanImg": other_mean if by_structural else mean_image,
        "meanImg_chan2": mean_image if by_structural else other_mean,
    }


def _register_stretch(
    aligned: FrameFile,
    other: FrameFile | None,
    reference: np.ndarray,
    settings: RegistrationSettings,
    block_px: tuple[int, int] | None,
    stretch: slice,
) -> tuple[tuple, np.ndarray, np.ndarray | None]:
    """Register a stretch of frames in place; returns offsets and the mean images of both channels."""
    import torch
    from suite2p.registration.register import register_frames, shift_frames_and_write

    device = torch.device("cpu")
    _, _, mean_image, offsets, blocks, *_ = register_frames(
        aligned.window(stretch),
        reference,
        batch_size=settings.batch_frames,
        norm_frames=settings.clip_intensity,
        smooth_sigma=settings.smooth_sigma_px,
        spatial_taper=settings.edge_taper_px,
        block_size=block_px,
        nonrigid=block_px is not None,
        maxregshift=settings.max_shift_share,
        smooth_sigma_time=settings.smooth_sigma_frames,
        snr_thresh=settings.block_snr,
        maxregshiftNR=settings.max_block_shift_px,
        subpixel=settings.subpixel,
        device=device,
    )
    yoff, xoff, correlation, yoff1, xoff1 = offsets[:5]
    other_mean = None
    if other is not None:
        other_mean = shift_frames_and_write(
            other.window(stretch),
            batch_size=settings.batch_frames,
            yoff=yoff,
            xoff=xoff,
            yoff1=yoff1,
            xoff1=xoff1,
            blocks=blocks,
            device=device,
        )
    return (yoff, xoff, correlation, yoff1, xoff1), mean_image, other_mean


def _sample(frames: FrameFile, settings: RegistrationSettings, bad: np.ndarray) -> np.ndarray:
    """Frames spread evenly over those that are not masked."""
    good = np.flatnonzero(~bad)
    n = min(settings.reference_frames, len(good))
    return frames[good[np.linspace(0, len(good), n, endpoint=False).astype(int)]]


def _unite_lines(
    frames: FrameFile, structural: FrameFile | None, settings: RegistrationSettings, bad: np.ndarray
) -> tuple[int, int]:
    """Shift every other line where the scanner's way back is late; returns by how much, and what is left, pixels.

    suite2p 1.1 repeats columns where it does so itself for shifts to the right, hence before registration.
    """
    from dina.imaging import suite2p

    suite2p.load()
    from suite2p.registration import bidiphase

    measured = bidirectional_offset_px(_sample(frames, settings, bad))
    shift = measured if settings.bidirectional_shift_px == "auto" else settings.bidirectional_shift_px
    for file in (frames, structural):
        if file is not None and shift:
            for block in file.blocks():
                file[block] = bidiphase.shift(file[block], shift)
    return shift, measured - shift


def _write_offsets(store: Path, registered: dict, block_px: tuple[int, int] | None, shape: tuple) -> int:
    """Write rigid offsets and those of non-rigid blocks; returns the number of blocks, 0 if rigid."""
    rigid = np.stack([registered["yoff"], registered["xoff"]], axis=1).astype(np.int16)
    stores.write_array(store, "rigid_offsets_px", rigid, unit="px")
    if block_px is None:
        return 0
    from suite2p.registration.nonrigid import make_blocks

    blocks = np.stack([registered["yoff1"], registered["xoff1"]], axis=2)
    rows, columns = make_blocks(shape[1], shape[2], block_px)[:2]
    centres = np.stack([np.mean(rows, axis=1), np.mean(columns, axis=1)], axis=1)
    stores.write_array(store, "block_offsets_px", blocks, unit="px")
    stores.write_array(store, "block_centres_px", centres, unit="px")
    return len(centres)
