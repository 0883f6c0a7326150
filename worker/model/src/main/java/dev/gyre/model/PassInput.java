package dev.gyre.model;

import dev.gyre.kernels.Workspace;
import dev.gyre.model.port.SequenceRow;
import dev.gyre.model.tape.ActivationStore;
import org.jspecify.annotations.Nullable;

/**
 * What a pass works on, and the memory that it owns until it is closed.
 *
 * @param sequence the ranks that share the row, opened for it
 * @param workspace memory of the model's backend that holds the pass's activations
 * @param activations where block inputs and saved activations are offloaded until backward; null to
 *     keep them in the workspace
 */
public record PassInput(
    MicroBatch batch,
    SequenceRow sequence,
    Workspace workspace,
    @Nullable ActivationStore activations) {}
