package dev.gyre.kernels.torch;

import dev.gyre.kernels.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;

/**
 * Residency on a device: page-locked memory on the host, whose addresses tensors have, and device
 * memory of the same size. Kernels use the device address at a fixed offset.
 *
 * <p>Bytes are copied only when the other side needs them: uploaded before the first call that
 * reads what the host wrote, and downloaded when the host reads what a kernel wrote. Copies overlap
 * with kernels. A call returns when its kernels are launched, so the uploads of later calls run
 * while they compute. A download waits for the last kernel that wrote its bytes, not for kernels
 * queued after it.
 *
 * <p>There are two more waits. The host may write its memory only after uploads from there have
 * completed. An upload waits for the kernels that were called before the host wrote, because they
 * may still read the bytes that it replaces.
 */
final class Mirrors implements Residency {
  /** Stands for an event that has completed, or for none. */
  private static final int PAST = -1;

  private record Slab(long host, long device, long bytes) {}

  /** A range of bytes that the device has a copy of. For all other bytes, the host's are newer. */
  private static final class Piece {
    final long from;
    final long to;

    /** Which side has the newer bytes. */
    Newer newer = Newer.NEITHER;

    /** The event after the last upload from the host's memory. */
    int uploaded = PAST;

    /**
     * If the device's bytes are newer: the event after the kernel that wrote them. If the host's
     * are: the event after the kernels that may read the device's.
     */
    int computed = PAST;

    Piece(long from, long to) {
      this.from = from;
      this.to = to;
    }

    Piece part(long start, long end) {
      Piece part = new Piece(start, end);
      part.newer = newer;
      part.uploaded = uploaded;
      part.computed = computed;
      return part;
    }
  }

  private enum Newer {
    HOST,
    DEVICE,
    NEITHER
  }

  private final Lanes lanes;
  private final NavigableMap<Long, Slab> slabs = new TreeMap<>();
  private final NavigableMap<Long, Piece> pieces = new TreeMap<>();

  Mirrors(Lanes lanes) {
    this.lanes = lanes;
  }

  @Override
  public long memory(MemorySegment host) {
    long bytes = host.byteSize();
    Slab slab = new Slab(lanes.pageLocked(bytes), lanes.onDevice(bytes), bytes);
    slabs.put(slab.host, slab);
    return slab.host;
  }

  @Override
  public long address(Tensor t) {
    return t.elements() == 0 ? 0 : slab(t).device + (t.address() - slab(t).host);
  }

  private Slab slab(Tensor t) {
    Map.Entry<Long, Slab> below = slabs.floorEntry(t.address());
    if (below == null
        || t.address() + t.byteSize() > below.getValue().host + below.getValue().bytes) {
      throw new IllegalArgumentException(t + " is not in the backend's memory");
    }
    return below.getValue();
  }

  @Override
  public void before(List<Operand> operands) {
    int uploaded = PAST;
    for (Operand operand : operands) {
      if (operand.access() != Access.OVERWRITE && operand.tensor().elements() > 0) {
        uploaded = Math.max(uploaded, uploadMissing(operand.tensor()));
      }
    }
    if (uploaded != PAST) {
      lanes.waitFor(Lanes.Lane.COMPUTE, uploaded);
    }
  }

  /** The event after the last upload, if any was needed. */
  private int uploadMissing(Tensor t) {
    long at = t.address();
    int last = PAST;
    for (Piece piece : List.copyOf(within(t))) {
      last = Math.max(last, upload(t, at, piece.from, PAST));
      if (piece.newer == Newer.HOST) {
        last = Math.max(last, upload(t, piece.from, piece.to, piece.computed));
      }
      at = piece.to;
    }
    return Math.max(last, upload(t, at, t.address() + t.byteSize(), PAST));
  }

  /**
   * @param free the event after which no kernel uses the device's bytes
   */
  private int upload(Tensor t, long from, long to, int free) {
    if (from == to) {
      return PAST;
    }
    if (free != PAST) {
      lanes.waitFor(Lanes.Lane.UPLOAD, free);
    }
    lanes.upload(from, address(t) + (from - t.address()), to - from);
    Piece piece = new Piece(from, to);
    piece.uploaded = lanes.record(Lanes.Lane.UPLOAD);
    pieces.put(from, piece);
    return piece.uploaded;
  }

  /** The pieces inside a tensor; pieces that extend beyond it are split. */
  private Collection<Piece> within(Tensor t) {
    cut(t.address());
    cut(t.address() + t.byteSize());
    return pieces.subMap(t.address(), t.address() + t.byteSize()).values();
  }

  private void cut(long at) {
    Map.Entry<Long, Piece> below = pieces.lowerEntry(at);
    if (below != null && below.getValue().to > at) {
      Piece whole = below.getValue();
      pieces.put(whole.from, whole.part(whole.from, at));
      pieces.put(at, whole.part(at, whole.to));
    }
  }

  @Override
  public void after(List<Operand> operands) {
    if (operands.stream().noneMatch(o -> o.access().writes() && o.tensor().elements() > 0)) {
      return;
    }
    int done = lanes.record(Lanes.Lane.COMPUTE);
    for (Operand operand : operands) {
      if (operand.access().writes() && operand.tensor().elements() > 0) {
        replace(operand.tensor(), Newer.DEVICE, done);
      }
    }
  }

  /** Replaces all pieces of a tensor by one. */
  private void replace(Tensor t, Newer newer, int computed) {
    Piece piece = new Piece(t.address(), t.address() + t.byteSize());
    piece.newer = newer;
    piece.computed = computed;
    Collection<Piece> old = within(t);
    for (Piece each : old) {
      piece.uploaded = Math.max(piece.uploaded, each.uploaded);
    }
    old.clear();
    pieces.put(piece.from, piece);
  }

  @Override
  public void hostReads(Tensor t) {
    if (t.elements() == 0) {
      return;
    }
    List<Piece> written = new ArrayList<>();
    for (Piece piece : within(t)) {
      if (piece.newer == Newer.DEVICE) {
        written.add(piece);
      }
    }
    if (!written.isEmpty()) {
      download(t, written);
      lanes.await(lanes.record(Lanes.Lane.DOWNLOAD));
    }
  }

  private void download(Tensor t, List<Piece> written) {
    written.sort(Comparator.comparingInt(piece -> piece.computed));
    int waitedFor = PAST;
    for (Piece piece : written) {
      if (piece.computed > waitedFor) {
        waitedFor = piece.computed;
        lanes.waitFor(Lanes.Lane.DOWNLOAD, waitedFor);
      }
      long device = address(t) + (piece.from - t.address());
      lanes.download(device, piece.from, piece.to - piece.from);
      piece.newer = Newer.NEITHER;
    }
  }

  @Override
  public void hostWrites(Tensor t) {
    if (t.elements() == 0) {
      return;
    }
    Collection<Piece> old = within(t);
    if (old.isEmpty()) {
      return; // the device never had a copy
    }
    for (Piece piece : old) {
      if (piece.uploaded != PAST) {
        lanes.await(piece.uploaded);
      }
    }
    replace(t, Newer.HOST, lanes.record(Lanes.Lane.COMPUTE));
  }

  @Override
  public void synchronize() {
    lanes.drain();
    for (Piece piece : pieces.values()) {
      piece.uploaded = PAST;
      piece.computed = PAST;
    }
  }

  @Override
  public void close() {
    lanes.close();
  }
}
