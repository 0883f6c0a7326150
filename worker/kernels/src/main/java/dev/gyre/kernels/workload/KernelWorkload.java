package dev.gyre.kernels.workload;

import dev.gyre.kernels.DType;

/** The kernels whose time matters, one constant each; the first measures the matmul peak. */
public enum KernelWorkload {
  LINEAR("linear"),
  LINEAR_BACKWARD_INPUT("linearBackwardInput"),
  LINEAR_BACKWARD_WEIGHT("linearBackwardWeight"),
  GROUPED_LINEAR("groupedLinear"),
  GROUPED_LINEAR_BACKWARD_INPUT("groupedLinearBackwardInput"),
  GROUPED_LINEAR_BACKWARD_WEIGHT("groupedLinearBackwardWeight"),
  ATTENTION("attention"),
  ATTENTION_BACKWARD("attentionBackward"),
  ATTENTION_MERGE("attentionMerge"),
  ATTENTION_SINKS("attentionSinks"),
  ATTENTION_SINKS_BACKWARD("attentionSinksBackward"),
  ATTENTION_DELTA("attentionDelta"),
  LINEAR_ATTENTION("linearAttention"),
  LINEAR_ATTENTION_STATE("linearAttentionState"),
  LINEAR_ATTENTION_BACKWARD("linearAttentionBackward"),
  RMS_NORM("rmsNorm"),
  RMS_NORM_BACKWARD("rmsNormBackward"),
  ROPE_TABLE("ropeTable"),
  ROPE("rope"),
  ADD_BIAS("addBias"),
  ADD_BIAS_BACKWARD("addBiasBackward"),
  CLAMP("clamp"),
  CLAMP_BACKWARD("clampBackward"),
  SILU("silu"),
  SILU_BACKWARD("siluBackward"),
  SWIGLU("swiglu"),
  SWIGLU_BACKWARD("swigluBackward"),
  SWIGLU_CLAMPED("swigluClamped"),
  SWIGLU_CLAMPED_BACKWARD("swigluClampedBackward"),
  CROSS_ENTROPY("crossEntropy"),
  ROUTE_TOP_K("routeTopK"),
  ROUTE_TOP_K_BACKWARD("routeTopKBackward"),
  ROUTE_GROUPS("routeGroups"),
  ROUTE_GROUPS_BACKWARD("routeGroupsBackward"),
  COMBINE_ROWS("combineRows"),
  COMBINE_ROWS_BACKWARD("combineRowsBackward"),
  GATHER_ROWS("gatherRows"),
  SCATTER_ADD_ROWS("scatterAddRows"),
  COPY_COLUMNS("copyColumns"),
  ADAM_W("adamW"),
  COPY("copy"),
  ADD("add"),
  SCALE("scale"),
  FILL("fill"),
  SUM("sum"),
  SUM_SQUARES("sumSquares");

  private final String kernel;

  KernelWorkload(String kernel) {
    this.kernel = kernel;
  }

  /** The method of {@link dev.gyre.kernels.Kernels}. */
  public String kernel() {
    return kernel;
  }

  /** The work of a call, without operands: it must not be run. */
  public Workload describe(DType compute, Sizes sizes) {
    return open(Operands.described(compute), sizes);
  }

  /** Whether it is a plain linear, whose rate is the matmul peak. */
  public boolean product() {
    return this == LINEAR || this == LINEAR_BACKWARD_INPUT || this == LINEAR_BACKWARD_WEIGHT;
  }

  /**
   * Creates operands of these sizes and a call on them. Computes the operands that are outputs of
   * other kernels.
   */
  public Workload open(Operands operands, Sizes sizes) {
    return switch (this) {
      case LINEAR -> ProductWorkloads.linear(operands, sizes);
      case LINEAR_BACKWARD_INPUT -> ProductWorkloads.linearBackwardInput(operands, sizes);
      case LINEAR_BACKWARD_WEIGHT -> ProductWorkloads.linearBackwardWeight(operands, sizes);
      case GROUPED_LINEAR -> ProductWorkloads.groupedLinear(operands, sizes);
      case GROUPED_LINEAR_BACKWARD_INPUT ->
          ProductWorkloads.groupedLinearBackwardInput(operands, sizes);
      case GROUPED_LINEAR_BACKWARD_WEIGHT ->
          ProductWorkloads.groupedLinearBackwardWeight(operands, sizes);
      case ATTENTION -> AttentionWorkloads.attention(operands, sizes);
      case ATTENTION_BACKWARD -> AttentionWorkloads.attentionBackward(operands, sizes);
      case ATTENTION_MERGE -> AttentionWorkloads.attentionMerge(operands, sizes);
      case ATTENTION_SINKS -> AttentionWorkloads.attentionSinks(operands, sizes);
      case ATTENTION_SINKS_BACKWARD -> AttentionWorkloads.attentionSinksBackward(operands, sizes);
      case ATTENTION_DELTA -> AttentionWorkloads.attentionDelta(operands, sizes);
      case LINEAR_ATTENTION -> LinearAttentionWorkloads.forward(operands, sizes);
      case LINEAR_ATTENTION_STATE -> LinearAttentionWorkloads.state(operands, sizes);
      case LINEAR_ATTENTION_BACKWARD -> LinearAttentionWorkloads.backward(operands, sizes);
      case RMS_NORM -> RowWorkloads.rmsNorm(operands, sizes);
      case RMS_NORM_BACKWARD -> RowWorkloads.rmsNormBackward(operands, sizes);
      case ROPE_TABLE -> RowWorkloads.ropeTable(operands, sizes);
      case ROPE -> RowWorkloads.rope(operands, sizes);
      case ADD_BIAS -> RowWorkloads.addBias(operands, sizes);
      case ADD_BIAS_BACKWARD -> RowWorkloads.addBiasBackward(operands, sizes);
      case CLAMP -> RowWorkloads.clamp(operands, sizes);
      case CLAMP_BACKWARD -> RowWorkloads.clampBackward(operands, sizes);
      case SILU -> RowWorkloads.silu(operands, sizes);
      case SILU_BACKWARD -> RowWorkloads.siluBackward(operands, sizes);
      case SWIGLU -> RowWorkloads.swiglu(operands, sizes);
      case SWIGLU_BACKWARD -> RowWorkloads.swigluBackward(operands, sizes);
      case SWIGLU_CLAMPED -> RowWorkloads.swigluClamped(operands, sizes);
      case SWIGLU_CLAMPED_BACKWARD -> RowWorkloads.swigluClampedBackward(operands, sizes);
      case CROSS_ENTROPY -> RowWorkloads.crossEntropy(operands, sizes);
      case ROUTE_TOP_K -> RouterWorkloads.routeTopK(operands, sizes);
      case ROUTE_TOP_K_BACKWARD -> RouterWorkloads.routeTopKBackward(operands, sizes);
      case ROUTE_GROUPS -> RouterWorkloads.routeGroups(operands, sizes);
      case ROUTE_GROUPS_BACKWARD -> RouterWorkloads.routeGroupsBackward(operands, sizes);
      case COMBINE_ROWS -> RouterWorkloads.combineRows(operands, sizes);
      case COMBINE_ROWS_BACKWARD -> RouterWorkloads.combineRowsBackward(operands, sizes);
      case GATHER_ROWS -> RouterWorkloads.gatherRows(operands, sizes);
      case SCATTER_ADD_ROWS -> RouterWorkloads.scatterAddRows(operands, sizes);
      case COPY_COLUMNS -> RowWorkloads.copyColumns(operands, sizes);
      case ADAM_W -> PlainWorkloads.adamW(operands, sizes);
      case COPY -> PlainWorkloads.copy(operands, sizes);
      case ADD -> PlainWorkloads.add(operands, sizes);
      case SCALE -> PlainWorkloads.scale(operands, sizes);
      case FILL -> PlainWorkloads.fill(operands, sizes);
      case SUM -> PlainWorkloads.sum(operands, sizes);
      case SUM_SQUARES -> PlainWorkloads.sumSquares(operands, sizes);
    };
  }
}
