package dev.gyre.partitioning.plan;

import dev.gyre.partitioning.layout.AttentionMask;
import dev.gyre.partitioning.layout.Piece;
import dev.gyre.partitioning.layout.SequenceLayout;
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
  private final int window;
  private final int ring;
  private final List<Piece[]> pieces = new ArrayList<>();

  private record Placed(int rank, int step, AttentionTile tile) {}

  TileProof(SequenceLayout layout, AttentionMask mask) {
    this.layout = layout;
    this.mask = mask;
    this.window = mask.window();
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
   * Whether all of a tile's pairs between two pieces are visible. The distance from key to query is
   * linear in (i, j), so over the band, a polygon with whole corners, its extremes lie at corners.
   */
  private boolean allVisible(Piece query, Piece key, AttentionTile tile) {
    long i0 = Math.max(query.localStart(), tile.queryStart());
    long i1 = Math.min(query.localStart() + query.count(), tile.queryEnd()) - 1L;
    long j0 = Math.max(key.localStart(), tile.keyStart());
    long j1 = Math.min(key.localStart() + key.count(), tile.keyEnd()) - 1L;
    // In local indices the band is least <= i − j <= most.
    long shift = (long) tile.queryStart() - tile.keyStart();
    long least = Math.max(tile.minDelta() + shift, i0 - j1);
    long most = Math.min(tile.maxDelta() + shift, i1 - j0);
    if (least > most) {
      return true;
    }
    if (query.document() != key.document()) {
      return false;
    }
    long firstKey = Math.max(j0, i0 - most);
    long lastKey = Math.min(j1, i1 - least);
    long nearest = Long.MAX_VALUE;
    long farthest = Long.MIN_VALUE;
    long[] corners = {
      firstKey,
      lastKey,
      Math.clamp(i0 - least, firstKey, lastKey),
      Math.clamp(i1 - most, firstKey, lastKey)
    };
    for (long j : corners) {
      long keyPlace = place(key, j);
      nearest = Math.min(nearest, place(query, Math.max(i0, j + least)) - keyPlace);
      farthest = Math.max(farthest, place(query, Math.min(i1, j + most)) - keyPlace);
    }
    return nearest >= 0 && (window == 0 || farthest < window);
  }

  private static long place(Piece piece, long local) {
    return piece.first() + (local - piece.localStart()) * piece.stride();
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
          long wanted = query.document() == key.document() ? visibleBetween(query, key) : 0;
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

  private long visibleBetween(Piece query, Piece key) {
    long pairs = 0;
    for (int i = 0; i < query.count(); i++) {
      long ahead = query.first() + (long) i * query.stride() - key.first();
      long last = Math.min(key.count() - 1L, Math.floorDiv(ahead, (long) key.stride()));
      long first =
          window == 0 ? 0 : Math.max(0, Math.ceilDiv(ahead - window + 1, (long) key.stride()));
      pairs += Math.max(0, last - first + 1);
    }
    return pairs;
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
