package dev.gyre.trainer.sequence;

import dev.gyre.comms.Collective;
import dev.gyre.kernels.Backend;
import dev.gyre.kernels.DType;
import dev.gyre.kernels.Kernels;
import dev.gyre.kernels.Tensor;
import dev.gyre.kernels.Workspace;
import dev.gyre.partitioning.layout.SequenceLayout;
import dev.gyre.partitioning.schedule.HeadSplit;
import dev.gyre.partitioning.schedule.HeadSplit.Part;
import dev.gyre.trainer.exchange.TensorExchange;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;

/**
 * Ulysses: exchanges "my tokens of all heads" for "all tokens of my heads" and back, for one
 * layout.
 *
 * <p>Legend: t this rank's own tokens, T those of its ring rank's complete local sequence (the
 * ranks' tokens concatenated), H and K all query and key/value heads, h and k this rank's, D head
 * size. On the side of all tokens everything is sent and received in place. On the other side heads
 * are packed by peer, which is one gather over head rows. Source: Jacobs et al., DeepSpeed Ulysses,
 * figure 2.
 */
final class UlyssesExchange {
  /** Destination of rows: the owners of their heads, or of their tokens. */
  private enum Side {
    HEADS,
    TOKENS
  }

  private final Kernels kernels;
  private final TensorExchange exchange;
  private final HeadSplit split;
  private final long heads;
  private final long kvHeads;
  private final long kvCopies;
  private final int me;
  private final int ranks;
  private final int[] tokenStart;
  private final Tensor queryPack; // I32 [t·H]: packed row -> row of [t,H]
  private final Tensor queryUnpack; // I32 [t·H]: row of [t,H] -> packed row
  private final Tensor kvPack; // I32 [t·copies]: packed row -> row of [t,K]

  /**
   * @param exchange among the Ulysses ranks
   * @param workspace holds the index tensors as long as the micro-batch
   */
  UlyssesExchange(
      Backend backend,
      TensorExchange exchange,
      HeadSplit split,
      int heads,
      int kvHeads,
      SequenceLayout layout,
      int ringRank,
      Workspace workspace) {
    this.kernels = backend.kernels();
    this.exchange = exchange;
    this.split = split;
    this.heads = heads;
    this.kvHeads = kvHeads;
    int copies = 0;
    for (Part part : split.parts()) {
      copies += part.kvHeads();
    }
    this.kvCopies = copies;
    this.me = exchange.rank();
    this.ranks = exchange.size();
    tokenStart = new int[ranks + 1];
    for (int u = 0; u < ranks; u++) {
      tokenStart[u + 1] = tokenStart[u] + layout.tokens(ringRank, u);
    }
    int own = tokens(me);
    queryPack = workspace.save(DType.I32, own * this.heads);
    queryUnpack = workspace.save(DType.I32, own * this.heads);
    kvPack = workspace.save(DType.I32, own * kvCopies);
    backend.onHost(List.of(), List.of(queryPack, queryUnpack, kvPack), () -> index(own));
  }

  private void index(int own) {
    MemorySegment pack = queryPack.segment();
    MemorySegment unpack = queryUnpack.segment();
    MemorySegment kv = kvPack.segment();
    int at = 0;
    int kvAt = 0;
    for (int u = 0; u < ranks; u++) {
      Part part = split.parts().get(u);
      for (int t = 0; t < own; t++) {
        for (int h = 0; h < part.queryHeads(); h++) {
          int row = (int) (t * heads + part.firstQueryHead() + h);
          pack.setAtIndex(ValueLayout.JAVA_INT, at, row);
          unpack.setAtIndex(ValueLayout.JAVA_INT, row, at++);
        }
        for (int k = 0; k < part.kvHeads(); k++) {
          int row = (int) (t * kvHeads + part.firstKvHead() + k);
          kv.setAtIndex(ValueLayout.JAVA_INT, kvAt++, row);
        }
      }
    }
  }

  private int tokens(int rank) {
    return tokenStart[rank + 1] - tokenStart[rank];
  }

  /** T. */
  int allTokens() {
    return tokenStart[ranks];
  }

  /** Query-shaped, any float dtype: from [t,H,D] to [T,h,D]. */
  void queriesToHeads(Tensor mine, Tensor all, Workspace ws) {
    exchange.where().phase("ulysses tokens to heads");
    long mark = ws.scratchMark();
    Tensor packed = packQueries(mine, ws);
    swap(packed, all, true, Side.HEADS);
    exchange.run(Collective.ALL_TO_ALL);
    ws.releaseScratch(mark);
  }

  /** Queries, keys and values in one exchange. kAll and vAll are [T,k,D]. */
  void toHeads(Tensor q, Tensor k, Tensor v, Tensor qAll, Tensor kAll, Tensor vAll, Workspace ws) {
    exchange.where().phase("ulysses tokens to heads");
    long mark = ws.scratchMark();
    Tensor qPacked = packQueries(q, ws);
    Tensor kPacked = packKeys(k, ws);
    Tensor vPacked = packKeys(v, ws);
    swap(qPacked, qAll, true, Side.HEADS);
    swap(kPacked, kAll, false, Side.HEADS);
    swap(vPacked, vAll, false, Side.HEADS);
    exchange.run(Collective.ALL_TO_ALL);
    ws.releaseScratch(mark);
  }

  /** Query-shaped, any float dtype: from [T,h,D] back to [t,H,D]. */
  void queriesToTokens(Tensor all, Tensor mine, Workspace ws) {
    exchange.where().phase("ulysses heads to tokens");
    long mark = ws.scratchMark();
    Tensor packed = ws.scratch(all.dtype(), mine.dim(0) * heads, mine.width());
    swap(packed, all, true, Side.TOKENS);
    exchange.run(Collective.ALL_TO_ALL);
    kernels.gatherRows(packed, queryUnpack, asRows(mine));
    ws.releaseScratch(mark);
  }

  /**
   * dq F32 [T,h,D] and dk, dv F32 [T,k,D] back to their tokens' owner. Gradients of copies of one
   * key/value head are added in rank order.
   *
   * @param dq F32 [t,H,D]; dk, dv F32 [t,K,D]; written
   */
  void gradientsToTokens(
      Tensor dqAll, Tensor dkAll, Tensor dvAll, Tensor dq, Tensor dk, Tensor dv, Workspace ws) {
    exchange.where().phase("ulysses gradients to tokens");
    long mark = ws.scratchMark();
    Tensor qPacked = ws.scratch(DType.F32, dq.dim(0) * heads, dq.width());
    Tensor kPacked = ws.scratch(DType.F32, dk.dim(0) * kvCopies, dk.width());
    Tensor vPacked = ws.scratch(DType.F32, dv.dim(0) * kvCopies, dv.width());
    swap(qPacked, dqAll, true, Side.TOKENS);
    swap(kPacked, dkAll, false, Side.TOKENS);
    swap(vPacked, dvAll, false, Side.TOKENS);
    exchange.run(Collective.ALL_TO_ALL);
    kernels.gatherRows(qPacked, queryUnpack, asRows(dq));
    kernels.fill(dk, 0);
    kernels.scatterAddRows(kPacked, kvPack, asRows(dk));
    kernels.fill(dv, 0);
    kernels.scatterAddRows(vPacked, kvPack, asRows(dv));
    ws.releaseScratch(mark);
  }

  private Tensor packQueries(Tensor mine, Workspace ws) {
    Tensor packed = ws.scratch(mine.dtype(), mine.dim(0) * heads, mine.width());
    kernels.gatherRows(asRows(mine), queryPack, packed);
    return packed;
  }

  private Tensor packKeys(Tensor mine, Workspace ws) {
    Tensor packed = ws.scratch(mine.dtype(), mine.dim(0) * kvCopies, mine.width());
    kernels.gatherRows(asRows(mine), kvPack, packed);
    return packed;
  }

  private static Tensor asRows(Tensor x) {
    return x.reshape(x.dim(0) * x.dim(1), x.dim(2));
  }

  /**
   * Exchanges packed head rows for every rank's tokens of its heads, each received in place.
   *
   * @param queries whether these are query heads, not key/value heads
   */
  private void swap(Tensor packed, Tensor all, boolean queries, Side to) {
    long at = 0;
    for (int u = 0; u < ranks; u++) {
      long rows = (long) tokens(me) * headsOf(u, queries);
      Tensor mine = packed.slice(at, rows);
      Tensor theirs = all.slice(tokenStart[u], tokens(u));
      Tensor from = to == Side.HEADS ? mine : theirs;
      Tensor into = to == Side.HEADS ? theirs : mine;
      at += rows;
      exchange.receive(u, into);
      exchange.send(u, from);
    }
  }

  private int headsOf(int rank, boolean queries) {
    Part part = split.parts().get(rank);
    return queries ? part.queryHeads() : part.kvHeads();
  }
}
