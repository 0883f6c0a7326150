package dev.gyre.kernels.torch;

import dev.gyre.kernels.RouterKernels;
import dev.gyre.kernels.Tensor;
import org.bytedeco.pytorch.Function;

/** Choosing experts and combining their outputs, one TorchScript call each. */
final class TorchRouter implements RouterKernels {
  private final TorchCall.Wrapping wrapping;
  private final IndexChecks indices;
  private final Function routeTopK;
  private final Function routeTopKBackward;
  private final Function routeGroups;
  private final Function routeGroupsBackward;
  private final Function combineRows;
  private final Function combineRowsBackward;

  TorchRouter(Functions functions, TorchCall.Wrapping wrapping, IndexChecks indices) {
    this.wrapping = wrapping;
    this.indices = indices;
    routeTopK = functions.get("route_top_k");
    routeTopKBackward = functions.get("route_top_k_backward");
    routeGroups = functions.get("route_groups");
    routeGroupsBackward = functions.get("route_groups_backward");
    combineRows = functions.get("combine_rows");
    combineRowsBackward = functions.get("combine_rows_backward");
  }

  @Override
  public void routeTopK(
      Tensor logits,
      boolean renormalise,
      Tensor probs,
      Tensor lse,
      Tensor indices,
      Tensor weights) {
    try (TorchCall call = new TorchCall(wrapping)) {
      call.read(logits)
          .flag(renormalise)
          .overwrite(probs)
          .overwrite(lse)
          .overwrite(indices)
          .overwrite(weights)
          .run(routeTopK);
    }
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
    try (TorchCall call = new TorchCall(wrapping)) {
      call.read(probs)
          .read(lse)
          .read(indices)
          .read(weights)
          .flag(renormalise)
          .read(dWeights)
          .read(probsGrad)
          .real(zGrad)
          .overwrite(dLogits)
          .run(routeTopKBackward);
    }
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
    try (TorchCall call = new TorchCall(wrapping)) {
      call.read(logits)
          .read(bias)
          .integer(groups)
          .integer(chosenGroups)
          .flag(renormalise)
          .real(scale)
          .overwrite(scores)
          .overwrite(indices)
          .overwrite(weights)
          .run(routeGroups);
    }
  }

  @Override
  public void routeGroupsBackward(
      Tensor scores,
      Tensor indices,
      boolean renormalise,
      float scale,
      Tensor dWeights,
      Tensor dLogits) {
    try (TorchCall call = new TorchCall(wrapping)) {
      call.read(scores)
          .read(indices)
          .flag(renormalise)
          .real(scale)
          .read(dWeights)
          .overwrite(dLogits)
          .run(routeGroupsBackward);
    }
  }

  @Override
  public void combineRows(Tensor rows, Tensor slots, Tensor weights, Tensor out) {
    indices.check("slots", slots, rows.dim(0));
    try (TorchCall call = new TorchCall(wrapping)) {
      call.read(rows).read(slots).read(weights).update(out).run(combineRows);
    }
  }

  @Override
  public void combineRowsBackward(
      Tensor dOut, Tensor rows, Tensor slots, Tensor weights, Tensor dRows, Tensor dWeights) {
    indices.check("slots", slots, rows.dim(0));
    try (TorchCall call = new TorchCall(wrapping)) {
      call.read(dOut)
          .read(rows)
          .read(slots)
          .read(weights)
          .update(dRows)
          .overwrite(dWeights)
          .run(combineRowsBackward);
    }
  }
}
