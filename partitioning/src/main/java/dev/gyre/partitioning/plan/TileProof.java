package dev.gyre.partitioning.plan;

import dev.gyre.partitioning.layout.Piece;
import dev.gyre.partitioning.layout.SequenceLayout;
import dev.gyre.partitioning.mask.AttentionMask;
import dev.gyre.partitioning.schedule.AttentionSchedule.Program;
import dev.gyre.partitioning.schedule.AttentionSchedule.Step;
import dev.gyre.partitioning.schedule.AttentionSchedule.Work;
import dev.gyre.partitioning.schedule.AttentionTile;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Proves that every visible pair is computed exactly once, without enumerating pairs: if every pair
 * of every tile is visible, no two tiles share a pair, and the areas add up to the number of
 * visible pairs, then the tiles are the mask.
 */
final class TileProof {
  private final SequenceLayout layout;
  private final AttentionMask mask;
  private final int ring;
  private final List<Piece[]> pieces = new ArrayList<>();

  /** Per ring rank, by local index: which of its pieces holds it. */
  private final List<int[]> pieceAt = new ArrayList<>();

  /**
   * By {@code queryOwner · ring + keyOwner}, the works that are proven already; equal works are not
   * proven again.
   */
  private final Map<Integer, List<Placed>> shown = new HashMap<>();

  private record Placed(int rank, int step, Work work) {}

  private record PlacedTile(Placed placed, AttentionTile tile) {}

  TileProof(SequenceLayout layout, AttentionMask mask) {
    this.layout = layout;
    this.mask = mask;
    ring = layout.ring();
    for (int r = 0; r < ring; r++) {
      Piece[] own = Piece.of(layout, r).toArray(new Piece[0]);
      int[] at = new int[layout.tokens(r)];
      for (int p = 0; p < own.length; p++) {
        Arrays.fill(at, own[p].localStart(), own[p].localEnd(), p);
      }
      pieces.add(own);
      pieceAt.add(at);
    }
  }

  void prove(String phase, List<Program> programs) {
    Map<Integer, List<Placed>> byOwners = new TreeMap<>();
    for (int rank = 0; rank < ring; rank++) {
      List<Step> steps = programs.get(rank).steps();
      for (int step = 0; step < steps.size(); step++) {
        for (Work work : steps.get(step).work()) {
          proveOwners(phase, rank, step, work);
          byOwners
              .computeIfAbsent(work.queryOwner() * ring + work.keyOwner(), _ -> new ArrayList<>())
              .add(new Placed(rank, step, work));
        }
      }
    }
    long area = 0;
    for (Map.Entry<Integer, List<Placed>> entry : byOwners.entrySet()) {
      List<Placed> placed = entry.getValue();
      if (!sameWorks(placed, shown.getOrDefault(entry.getKey(), List.of()))) {
        for (Placed one : placed) {
          proveVisible(phase, one);
        }
        proveDisjoint(phase, placed);
        shown.put(entry.getKey(), placed);
      }
      for (Placed one : placed) {
        area += one.work().area();
      }
    }
    long visible = CostModel.visiblePairs(layout.documents(), mask);
    if (area != visible) {
      throw missing(phase, byOwners, visible - area);
    }
  }

  /** Whether these are the same works, regardless of rank and step. */
  private static boolean sameWorks(List<Placed> placed, List<Placed> before) {
    if (placed.size() != before.size()) {
      return false;
    }
    for (int i = 0; i < placed.size(); i++) {
      if (!placed.get(i).work().equals(before.get(i).work())) {
        return false;
      }
    }
    return true;
  }

  private void proveOwners(String phase, int rank, int step, Work work) {
    if (outside(work.queryOwner()) || outside(work.keyOwner())) {
      throw new InvalidPlanException(
          "%s: rank %d step %d works for queries of rank %d and keys of rank %d in a ring of %d"
              .formatted(phase, rank, step, work.queryOwner(), work.keyOwner(), ring));
    }
  }

  private boolean outside(int owner) {
    return owner < 0 || owner >= ring;
  }

  // --- every pair of a tile is visible --------------------------------------------------------

  private void proveVisible(String phase, Placed placed) {
    Work work = placed.work();
    int queryTokens = layout.tokens(work.queryOwner());
    int keyTokens = layout.tokens(work.keyOwner());
    Piece[] queries = pieces.get(work.queryOwner());
    Piece[] keys = pieces.get(work.keyOwner());
    int[] queryAt = pieceAt.get(work.queryOwner());
    int[] keyAt = pieceAt.get(work.keyOwner());
    for (AttentionTile tile : work.tiles()) {
      if (tile.queryEnd() > queryTokens || tile.keyEnd() > keyTokens) {
        throw new InvalidPlanException(
            name(phase, placed, tile)
                + " reaches beyond the %d queries and %d keys there are"
                    .formatted(queryTokens, keyTokens));
      }
      int lastQuery = queryAt[tile.queryEnd() - 1];
      int lastKey = keyAt[tile.keyEnd() - 1];
      for (int q = queryAt[tile.queryStart()]; q <= lastQuery; q++) {
        for (int k = keyAt[tile.keyStart()]; k <= lastKey; k++) {
          if (!allVisible(queries[q], keys[k], tile)) {
            throw new InvalidPlanException(
                name(phase, placed, tile)
                    + " holds pairs that are not visible: queries of document %d against keys of %s"
                        .formatted(
                            queries[q].document(),
                            queries[q].document() == keys[k].document()
                                ? "the same, ahead of them or outside the window"
                                : "document " + keys[k].document()));
          }
        }
      }
    }
  }

  /**
   * Whether all of a tile's pairs between two pieces are visible, shown by the absence of each sort
   * of pair that is not: of different documents but for the anchor; a key after the query, unless
   * both are of the prefix; a key outside of the window that is no sink, unless both are of the
   * prefix. Each is a rectangle of the two pieces, over which only the distance matters.
   */
  private boolean allVisible(Piece query, Piece key, AttentionTile tile) {
    Polygon all = Polygon.of(query, key, tile);
    if (query.document() != key.document()) {
      boolean anchor =
          mask.seesAnchorElsewhere(query.document()) && key.document() == 0 && key.first() == 0;
      return all.from(0, anchor ? 1 : 0).isEmpty();
    }
    // A key after its query is visible only if both are in the prefix, so check that no such key is
    // beyond the prefix. Likewise, a query out of the window must not be beyond the prefix.
    Polygon keysBehind = all.from(0, key.indexFrom(mask.prefix()));
    if (!keysBehind.isEmpty() && keysBehind.leastDistance() < 0) {
      return false;
    }
    if (mask.window() == 0 || query.last() - key.first() < mask.window()) {
      return true;
    }
    int sinks = key.indexFrom(mask.sinksOf(key.document()));
    Polygon far = all.from(query.indexFrom(mask.prefix()), sinks);
    return far.isEmpty() || far.mostDistance() < mask.window();
  }

  // --- no pair in two tiles -------------------------------------------------------------------

  /**
   * Sweeps over the queries: of the tiles that begin earlier, only those that reach this query can
   * overlap.
   */
  private static void proveDisjoint(String phase, List<Placed> placed) {
    List<PlacedTile> tiles = new ArrayList<>();
    for (Placed one : placed) {
      for (AttentionTile tile : one.work().tiles()) {
        tiles.add(new PlacedTile(one, tile));
      }
    }
    tiles.sort(Comparator.comparingInt(one -> one.tile().queryStart()));
    PlacedTile[] active = new PlacedTile[tiles.size()];
    int count = 0;
    for (PlacedTile next : tiles) {
      int kept = 0;
      for (int i = 0; i < count; i++) {
        PlacedTile before = active[i];
        if (before.tile().queryEnd() > next.tile().queryStart()) {
          if (sharePairs(before.tile(), next.tile())) {
            throw twice(phase, before, next);
          }
          active[kept++] = before;
        }
      }
      active[kept++] = next;
      count = kept;
    }
  }

  private static InvalidPlanException twice(String phase, PlacedTile before, PlacedTile next) {
    return new InvalidPlanException(
        name(phase, next.placed(), next.tile())
            + " computes pairs again that rank %d step %d has in its tile of queries %d to %d, keys %d to %d"
                .formatted(
                    before.placed().rank(),
                    before.placed().step(),
                    before.tile().queryStart(),
                    before.tile().queryEnd() - 1,
                    before.tile().keyStart(),
                    before.tile().keyEnd() - 1));
  }

  private static boolean sharePairs(AttentionTile a, AttentionTile b) {
    long i0 = Math.max(a.queryStart(), b.queryStart());
    long i1 = Math.min(a.queryEnd(), b.queryEnd()) - 1L;
    long j0 = Math.max(a.keyStart(), b.keyStart());
    long j1 = Math.min(a.keyEnd(), b.keyEnd()) - 1L;
    if (i0 > i1 || j0 > j1) {
      return false;
    }
    long shiftA = (long) a.queryStart() - a.keyStart();
    long shiftB = (long) b.queryStart() - b.keyStart();
    long least = Math.max(i0 - j1, Math.max(a.minDelta() + shiftA, b.minDelta() + shiftB));
    long most = Math.min(i1 - j0, Math.min(a.maxDelta() + shiftA, b.maxDelta() + shiftB));
    return least <= most;
  }

  // --- what is missing, found only once something is ------------------------------------------

  private InvalidPlanException missing(
      String phase, Map<Integer, List<Placed>> byOwners, long pairs) {
    for (int owners = 0; owners < ring * ring; owners++) {
      for (Piece query : pieces.get(owners / ring)) {
        for (Piece key : pieces.get(owners % ring)) {
          long wanted = visibleBetween(query, key);
          if (wanted > 0
              && computedBetween(query, key, byOwners.getOrDefault(owners, List.of())) < wanted) {
            return new InvalidPlanException(
                ("%s: no tile has all visible pairs of queries %d to %d of rank %d and keys %d to %d"
                        + " of rank %d (document %d); %d pairs are missing in all")
                    .formatted(
                        phase,
                        query.localStart(),
                        query.localStart() + query.count() - 1,
                        owners / ring,
                        key.localStart(),
                        key.localStart() + key.count() - 1,
                        owners % ring,
                        query.document(),
                        pairs));
          }
        }
      }
    }
    return new InvalidPlanException(phase + ": " + pairs + " visible pairs are in no tile");
  }

  /** Counts query by query: slow, but independent of the code that made the tiles. */
  private long visibleBetween(Piece query, Piece key) {
    long pairs = 0;
    for (int i = 0; i < query.count(); i++) {
      int place = query.first() + i * query.stride();
      if (query.document() != key.document()) {
        boolean anchor = mask.seesAnchorElsewhere(query.document()) && key.document() == 0;
        pairs += anchor ? keysIn(key, 0, 1) : 0;
      } else if (place < mask.prefix()) {
        pairs += keysIn(key, 0, mask.prefix());
      } else {
        int first = mask.window() == 0 ? 0 : Math.max(0, place - mask.window() + 1);
        int sinks = Math.min(first, mask.sinksOf(query.document()));
        pairs += keysIn(key, 0, sinks) + keysIn(key, first, place + 1);
      }
    }
    return pairs;
  }

  /** Keys of a piece at places {@code [from, to)}. */
  private static int keysIn(Piece key, int from, int to) {
    return key.indexFrom(to) - key.indexFrom(from);
  }

  private static long computedBetween(Piece query, Piece key, List<Placed> placed) {
    long pairs = 0;
    for (Placed one : placed) {
      for (AttentionTile tile : one.work().tiles()) {
        pairs += computedBetween(query, key, tile);
      }
    }
    return pairs;
  }

  private static long computedBetween(Piece query, Piece key, AttentionTile tile) {
    int i0 = Math.max(query.localStart(), tile.queryStart());
    int i1 = Math.min(query.localEnd(), tile.queryEnd());
    int j0 = Math.max(key.localStart(), tile.keyStart());
    int j1 = Math.min(key.localEnd(), tile.keyEnd());
    if (i0 >= i1 || j0 >= j1) {
      return 0;
    }
    long shift = (long) (i0 - tile.queryStart()) - (j0 - tile.keyStart());
    long least = -AttentionTile.UNLIMITED;
    int min = (int) Math.clamp(tile.minDelta() - shift, least, Integer.MAX_VALUE);
    int max = (int) Math.clamp(tile.maxDelta() - shift, least, Integer.MAX_VALUE);
    return new AttentionTile(i0, i1 - i0, j0, j1 - j0, min, max).area();
  }

  private static String name(String phase, Placed placed, AttentionTile tile) {
    return "%s: rank %d step %d: the tile of queries %d to %d of rank %d and keys %d to %d of rank %d"
        .formatted(
            phase,
            placed.rank(),
            placed.step(),
            tile.queryStart(),
            tile.queryEnd() - 1,
            placed.work().queryOwner(),
            tile.keyStart(),
            tile.keyEnd() - 1,
            placed.work().keyOwner());
  }
}
