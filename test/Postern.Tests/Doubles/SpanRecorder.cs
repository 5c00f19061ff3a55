using System.Diagnostics;
using Postern.Mta.Events;

namespace Postern.Tests.Doubles;

/// <summary>Records the spans of one source that have ended, in order; sampled as the program's sampler does
/// it.</summary>
sealed class SpanRecorder : IDisposable
{
    readonly ActivityListener listener;

    /// <param name="takesRoots">Traces that begin here are recorded.</param>
    public SpanRecorder(MailTraces traces, bool takesRoots = true)
    {
        listener = new ActivityListener
        {
            ShouldListenTo = source => source == traces.Source,
            Sample = (ref ActivityCreationOptions<ActivityContext> asked) =>
                (asked.Parent == default ? takesRoots : asked.Parent.TraceFlags != ActivityTraceFlags.None)
                    ? ActivitySamplingResult.AllDataAndRecorded : ActivitySamplingResult.PropagationData,
            ActivityStopped = Spans.Add,
        };
        ActivitySource.AddActivityListener(listener);
    }

    public List<Activity> Spans { get; } = [];

    public Activity Only(string name) => Assert.Single(Spans, span => span.OperationName == name);

    public void Dispose() => listener.Dispose();
}
