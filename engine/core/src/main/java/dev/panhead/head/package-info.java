/**
 * The head: {@link dev.panhead.head.LinearCrossEntropy} (linear layer and softmax cross-entropy in one) and
 * {@link dev.panhead.head.LogSoftmax}.
 */
package dev.panhead.head;
