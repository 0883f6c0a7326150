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
 * A device's: page-locked memory on the host, whose addresses tensors have, and as much on the
 * device at a fixed distance, where kernels find them.
 *
 * <p>From one {@link #synchronize} to the next, bytes are uploaded before the first call that reads
 * them, stay for the calls after it, and are downloaded at the end if a call wrote them. Then the
 * host may change any of them, so only weights stay. Copies beside kernels come of that by
 * themselves: a call returns when it is launched, so the uploads of the next ones travel while its
 * kernels compute; and a download waits for the last kernel that wrote its bytes, not for those
 * queued after it.
 *
 * <p>No upload changes bytes that a kernel may still be using: they are on the device since the
 * last {@link #synchronize}, and those of the host cannot be others until the next. Where weights
 * are uploaded again between two synchronizes, the bytes are the same.
 */
final class Mirrors implements Residency {
  private record Slab(long host, long device, long bytes) {}

  /** Bytes that the device has, as they are on the host unless a kernel wrote them. */
  private static final class Piece {
    final long from;
    final long to;

    /** The event after the kernel that wrote them; −1 where the host has the same. */
    int written = -1;

    /** Whether they are a weight's and outlive {@link #synchronize}. */
    boolean weight;

    Piece(long from, long to) {
      this.from = from;
      this.to = to;
    }

    Piece part(long start, long end) {
      Piece part = new Piece(start, end);
      part.written = written;
      part.weight = weight;
      return part;
    }
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
    boolean travelling = false;
    for (Operand operand : operands) {
      if (operand.access() != Access.OVERWRITE) {
        travelling |= uploadMissing(operand.tensor());
        for (Piece piece : within(operand.tensor())) {
          piece.weight |= operand.access() == Access.WEIGHT;
        }
      }
    }
    if (travelling) {
      lanes.waitFor(Lanes.Lane.COMPUTE, lanes.record(Lanes.Lane.UPLOAD));
    }
  }

  private boolean uploadMissing(Tensor t) {
    long end = t.address() + t.byteSize();
    long at = t.address();
    boolean missing = false;
    for (Piece piece : List.copyOf(within(t))) {
      missing |= upload(t, at, piece.from);
      at = piece.to;
    }
    return upload(t, at, end) || missing;
  }

  private boolean upload(Tensor t, long from, long to) {
    if (from == to) {
      return false;
    }
    lanes.upload(from, address(t) + (from - t.address()), to - from);
    pieces.put(from, new Piece(from, to));
    return true;
  }

  /** The pieces of a tensor, those cut that reach over its ends. */
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
      Tensor t = operand.tensor();
      if (operand.access().writes() && t.elements() > 0) {
        Piece piece = new Piece(t.address(), t.address() + t.byteSize());
        piece.written = done;
        cut(piece.from);
        cut(piece.to);
        pieces.subMap(piece.from, piece.to).clear();
        pieces.put(piece.from, piece);
      }
    }
  }

  @Override
  public void fetch(Tensor t) {
    List<Piece> written = new ArrayList<>();
    for (Piece piece : within(t)) {
      if (piece.written >= 0) {
        written.add(piece);
      }
    }
    if (!written.isEmpty()) {
      download(written);
      lanes.await(lanes.record(Lanes.Lane.DOWNLOAD));
    }
  }

  private void download(List<Piece> written) {
    written.sort(Comparator.comparingInt(piece -> piece.written));
    int waitedFor = -1;
    for (Piece piece : written) {
      if (piece.written > waitedFor) {
        waitedFor = piece.written;
        lanes.waitFor(Lanes.Lane.DOWNLOAD, waitedFor);
      }
      Slab slab = slabs.floorEntry(piece.from).getValue();
      long device = slab.device + (piece.from - slab.host);
      lanes.download(device, piece.from, piece.to - piece.from);
      piece.written = -1;
    }
  }

  /** What kernels wrote is as new as it can be. */
  @Override
  public void weightsChanged() {
    pieces.values().removeIf(piece -> piece.written < 0);
  }

  @Override
  public void synchronize() {
    List<Piece> written = new ArrayList<>();
    for (Piece piece : pieces.values()) {
      if (piece.written >= 0) {
        written.add(piece);
      }
    }
    download(written);
    lanes.drain();
    pieces.values().removeIf(piece -> !piece.weight);
  }

  @Override
  public void close() {
    lanes.close();
  }
}
