package dev.panhead.trainer.model;

import dev.panhead.tensor.Matrix;
import dev.panhead.tensor.ReadableMatrix;
import dev.panhead.trainer.data.Batch;
import java.util.List;

/** No encoder: the hidden states come with the batch, from a model that is not trained here. */
record GivenStates() implements ContextEncoder {

    @Override
    public List<Parameter> parameters() {
        return List.of();
    }

    @Override
    public ReadableMatrix forward(Batch batch) {
        return batch.hidden();
    }

    @Override
    public void backward(Matrix hiddenGradient, boolean accumulate) {
        throw new IllegalStateException("given hidden states learn nothing");
    }
}
