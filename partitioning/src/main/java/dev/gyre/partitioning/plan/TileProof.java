package dev.gyre.partitioning.plan;

import dev.gyre.partitioning.layout.Piece;
import dev.gyre.partitioning.layout.SequenceLayout;
import dev.gyre.partitioning.mask.AttentionMask;
import dev.gyre.partitioning.schedule.AttentionSchedule.Program;
import dev.gyre.partitioning.schedule.AttentionSchedule.Step;
import dev.gyre.partitioning.schedule.AttentionSchedule.Work;
import dev.gyre.partitioning.schedule.AttentionTile;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * Exactly once, without looking at pairs: if every pair of every tile is visible, no two tiles
 * share a pair, and the areas add up to the number of visible pairs, then the tiles are the mask.
 */
final class TileProof {
  private final SequenceLayout layout;
  private final AttentionMask mask;
  private final int ring;
  private final List<Piece[]> pieces = new ArrayList<>();

  private record Placed(int rank, int step, AttentionTile tile) {}

  TileProof(SequenceLayout layout, AttentionMask mask) {
    this.layout = layout;
    this.mask = mask;
    ring = layout.ring();
    for (int r = 0; r < ring; r++) {
      pieces.add(Piece.of(layout, r).toArray(new Piece[0]));
    }
  }

  void prove(String phase, List<Program> programs) {
    List<List<Placed>> byOwners = new ArrayList<>();
    for (int i = 0; i < ring * ring; i++) {
      byOwners.add(new ArrayList<>());
    }
    long area = 0;
    for (int rank = 0; rank < ring; rank++) {
      List<Step> steps = programs.get(rank).steps();
      for (int step = 0; step < steps.size(); step++) {
        for (Work work : steps.get(step).work()) {
          proveOwners(phase, rank, step, work);
          List<Placed> placed = byOwners.get(work.queryOwner() * ring + work.keyOwner());
          for (AttentionTile tile : work.tiles()) {
            proveVisible(phase, rank, step, work, tile);
            placed.add(new Placed(rank, step, tile));
            area += tile.area();
          }
        }
      }
    }
    for (int owners = 0; owners < ring * ring; owners++) {
      proveDisjoint(phase, owners / ring, owners % ring, byOwners.get(owners));
    }
    long visible = CostModel.visiblePairs(layout.documents(), mask);
    if (area != visible) {
      throw missing(phase, byOwners, visible - area);
    }
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

  private void proveVisible(String phase, int rank, int step, Work work, AttentionTile tile) {
    if (tile.queryEnd() > layout.tokens(work.queryOwner())
        || tile.keyEnd() > layout.tokens(work.keyOwner())) {
      throw new InvalidPlanException(
          name(phase, rank, step, work.queryOwner(), work.keyOwner(), tile)
              + " reaches beyond the %d queries and %d keys there are"
                  .formatted(layout.tokens(work.queryOwner()), layout.tokens(work.keyOwner())));
    }
    Piece[] queries = pieces.get(work.queryOwner());
    Piece[] keys = pieces.get(work.keyOwner());
    int firstKey = holding(keys, tile.keyStart());
    for (int q = holding(queries, tile.queryStart()); q < queries.length; q++) {
      if (queries[q].localStart() >= tile.queryEnd()) {
        break;
      }
      for (int k = firstKey; k < keys.length && keys[k].localStart() < tile.keyEnd(); k++) {
        if (!allVisible(queries[q], keys[k], tile)) {
          throw new InvalidPlanException(
              name(phase, rank, step, work.queryOwner(), work.keyOwner(), tile)
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

  private static int holding(Piece[] pieces, int local) {
    int low = 0;
    int high = pieces.length - 1;
    while (low < high) {
      int middle = (low + high + 1) >>> 1;
      if (pieces[middle].localStart() <= local) {
        low = middle;
      } else {
        high = middle - 1;
      }
    }
    return low;
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
    // Where the key comes after the query both lie in the prefix, unless the key lies behind it;
    // where the query is far from its key both do, unless the query lies behind it.
    Polygon keysBehind = all.from(0, key.indexFrom(mask.prefix()));
    if (!keysBehind.isEmpty() && keysBehind.leastDistance() < 0) {
      return false;
    }
    if (mask.window() == 0) {
      return true;
    }
    int sinks = key.indexFrom(mask.sinksOf(key.document()));
    Polygon far = all.from(query.indexFrom(mask.prefix()), sinks);
    return far.isEmpty() || far.mostDistance() < mask.window();
  }

  // --- no pair in two tiles -------------------------------------------------------------------

  private static void proveDisjoint(
      String phase, int queryOwner, int keyOwner, List<Placed> placed) {
    placed.sort(Comparator.comparingInt(p -> p.tile().queryStart()));
    List<Placed> active = new ArrayList<>();
    for (Placed next : placed) {
      int start = next.tile().queryStart();
      active.removeIf(before -> before.tile().queryEnd() <= start);
      for (Placed before : active) {
        if (sharePairs(before.tile(), next.tile())) {
          throw new InvalidPlanException(
              name(phase, next.rank(), next.step(), queryOwner, keyOwner, next.tile())
                  + (" computes pairs again that rank %d step %d has in its tile of queries %d to %d,"
                          + " keys %d to %d")
                      .formatted(
                          before.rank(),
                          before.step(),
                          before.tile().queryStart(),
                          before.tile().queryEnd() - 1,
                          before.tile().keyStart(),
                          before.tile().keyEnd() - 1));
        }
      }
      active.add(next);
    }
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

  private InvalidPlanException missing(String phase, List<List<Placed>> byOwners, long pairs) {
    for (int owners = 0; owners < ring * ring; owners++) {
      for (Piece query : pieces.get(owners / ring)) {
        for (Piece key : pieces.get(owners % ring)) {
          long wanted = visibleBetween(query, key);
          if (wanted > 0 && computedBetween(query, key, byOwners.get(owners)) < wanted) {
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

  /** Counted query by query: slow, and nothing the tiles were made with. */
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
      AttentionTile tile = one.tile();
      int i0 = Math.max(query.localStart(), tile.queryStart());
      int i1 = Math.min(query.localStart() + query.count(), tile.queryEnd());
      int j0 = Math.max(key.localStart(), tile.keyStart());
      int j1 = Math.min(key.localStart() + key.count(), tile.keyEnd());
      if (i0 < i1 && j0 < j1) {
        long shift = (long) (i0 - tile.queryStart()) - (j0 - tile.keyStart());
        pairs +=
            new AttentionTile(
                    i0,
                    i1 - i0,
                    j0,
                    j1 - j0,
                    Math.clamp(
                        tile.minDelta() - shift, -AttentionTile.UNLIMITED, Integer.MAX_VALUE),
                    Math.clamp(
                        tile.maxDelta() - shift, -AttentionTile.UNLIMITED, Integer.MAX_VALUE))
                .area();
      }
    }
    return pairs;
  }

  private static String name(
      String phase, int rank, int step, int queryOwner, int keyOwner, AttentionTile tile) {
    return "%s: rank %d step %d: the tile of queries %d to %d of rank %d and keys %d to %d of rank %d"
        .formatted(
            phase,
            rank,
            step,
            tile.queryStart(),
            tile.queryEnd() - 1,
            queryOwner,
            tile.keyStart(),
            tile.keyEnd() - 1,
            keyOwner);
  }
}
