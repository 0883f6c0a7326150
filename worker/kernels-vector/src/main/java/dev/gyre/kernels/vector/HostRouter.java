package dev.gyre.kernels.vector;

import dev.gyre.kernels.RouterKernels;
import dev.gyre.kernels.Tensor;

/** The router's choice and the mixing of experts' results, row by row on the threads. */
final class HostRouter implements RouterKernels {
  private final TopKRows topK;
  private final TopKBackwardRows topKBackward;
  private final GroupRows groups;
  private final GroupBackwardRows groupsBackward;
  private final CombineRows combine;
  private final CombineBackwardRows combineBackward;

  HostRouter(RowThreads threads) {
    topK = new TopKRows(threads);
    topKBackward = new TopKBackwardRows(threads);
    groups = new GroupRows(threads);
    groupsBackward = new GroupBackwardRows(threads);
    combine = new CombineRows(threads);
    combineBackward = new CombineBackwardRows(threads);
  }

  @Override
  public void routeTopK(
      Tensor logits,
      boolean renormalise,
      Tensor probs,
      Tensor lse,
      Tensor indices,
      Tensor weights) {
    topK.run(logits, renormalise, probs, lse, indices, weights);
  }

  @Override
  public void routeTopKBackward(
      Tensor probs,
      Tensor lse,
      Tensor indices,
      Tensor weights,
      boolean renormalise,
      Tensor dWeights,
      Tensor probsGrad,
      float zGrad,
      Tensor dLogits) {
    topKBackward.run(
        probs, lse, indices, weights, renormalise, dWeights, probsGrad, zGrad, dLogits);
  }

  @Override
  public void routeGroups(
      Tensor logits,
      Tensor bias,
      int groups,
      int chosenGroups,
      boolean renormalise,
      float scale,
      Tensor scores,
      Tensor indices,
      Tensor weights) {
    this.groups.run(
        logits, bias, groups, chosenGroups, renormalise, scale, scores, indices, weights);
  }

  @Override
  public void routeGroupsBackward(
      Tensor scores,
      Tensor indices,
      boolean renormalise,
      float scale,
      Tensor dWeights,
      Tensor dLogits) {
    groupsBackward.run(scores, indices, renormalise, scale, dWeights, dLogits);
  }

  @Override
  public void combineRows(Tensor rows, Tensor slots, Tensor weights, Tensor out) {
    combine.run(rows, slots, weights, out);
  }

  @Override
  public void combineRowsBackward(
      Tensor dOut, Tensor rows, Tensor slots, Tensor weights, Tensor dRows, Tensor dWeights) {
    combineBackward.run(dOut, rows, slots, weights, dRows, dWeights);
  }
}
