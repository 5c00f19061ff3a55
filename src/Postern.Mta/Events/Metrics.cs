using System.Diagnostics;
using System.Diagnostics.Metrics;
using Postern.Mta.Transports.PubSub;
using Postern.Smtp;
using Postern.Smtp.Server;

namespace Postern.Mta.Events;

/// <summary>The meter <c>Postern</c>; the names are in <c>docs/operate/metrics.md</c>.</summary>
/// <remarks>Tags have few values: transports, listeners, kinds and codes, never addresses or texts of
/// peers.</remarks>
public sealed class Metrics : IDisposable
{
    public const string MeterName = "Postern";

    /// <summary>An entry for each, on Linux.</summary>
    const string OpenFiles = "/proc/self/fd";

    readonly Meter meter;
    readonly Counter<long> accepted;
    readonly Counter<long> acceptedOctets;
    readonly Counter<long> recipients;
    readonly Counter<long> sessions;
    readonly Counter<long> refusals;
    readonly Counter<long> reports;
    readonly Histogram<double> commitSeconds;
    readonly Histogram<double> attemptSeconds;
    readonly Counter<long> publishCalls;
    readonly Counter<long> publishedMessages;
    readonly Counter<long> publishedOctets;
    readonly Histogram<double> publishSeconds;
    readonly MetricTotals totals = new();

    public Metrics(IMeterFactory? factory = null)
    {
        meter = factory?.Create(new MeterOptions(MeterName)) ?? new Meter(MeterName);
        accepted = meter.CreateCounter<long>("postern_messages_accepted", "{message}",
            "Messages answered with 250");
        acceptedOctets = meter.CreateCounter<long>("postern_accepted_octets", "By",
            "Content of messages answered with 250");
        recipients = meter.CreateCounter<long>("postern_recipients", "{recipient}",
            "Results of attempts, one per recipient");
        sessions = meter.CreateCounter<long>("postern_sessions", "{session}", "SMTP sessions that ended");
        refusals = meter.CreateCounter<long>("postern_refusals", "{command}",
            "Commands answered with 4xx or 5xx");
        reports = meter.CreateCounter<long>("postern_reports", "{report}", "Reports sent to senders");
        commitSeconds = Latency("postern_commit_duration",
            "From handing a change to the store until it was durable",
            [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5]);
        attemptSeconds = Latency("postern_attempt_duration", "One attempt, from its start to its result",
            [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300]);
        publishCalls = meter.CreateCounter<long>("postern_pubsub_calls", "{call}", "Calls of Publish");
        publishedMessages = meter.CreateCounter<long>("postern_pubsub_messages", "{message}",
            "Messages in calls of Publish");
        publishedOctets = meter.CreateCounter<long>("postern_pubsub_octets", "By",
            "Octets of messages in calls of Publish");
        publishSeconds = Latency("postern_pubsub_call_duration", "One call of Publish",
            [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60]);
    }

    /// <summary>The same counts since the start, to read at any time.</summary>
    public MetricTotals Totals => totals;

    /// <summary>This instance's meter, told apart from others of the name by tests.</summary>
    internal Meter Meter => meter;

    /// <summary>Registers what is read when metrics are collected; the callbacks must be cheap and
    /// thread-safe.</summary>
    public void Observe(QueueGauges queue, AlarmBoard alarms)
    {
        meter.CreateObservableGauge("postern_queue_recipients",
            () => queue.Sizes().Select(size => new Measurement<long>(size.Recipients,
                new("transport", size.Transport), new("state", size.State))),
            "{recipient}", "Recipients being attempted or waiting");
        meter.CreateObservableGauge("postern_queue_oldest",
            () => queue.Oldest().Select(oldest => new Measurement<double>(oldest.Age.TotalSeconds,
                new KeyValuePair<string, object?>("transport", oldest.Transport))),
            "s", "Age of the oldest message that waits");
        meter.CreateObservableGauge("postern_lanes",
            () => queue.Lanes().Select(lanes => new Measurement<int>(lanes.Count,
                new("transport", lanes.Transport), new("state", lanes.State))),
            "{lane}", "Lanes to next hops; a closed one is probed and takes no other mail");
        meter.CreateObservableGauge("postern_alarms",
            () => alarms.Counts.Select(count =>
                new Measurement<int>(count.Value, new KeyValuePair<string, object?>("kind", count.Key))),
            "{alarm}", "Alarms that stand");
    }

    /// <summary>Registers what is known of the process; those of Linux have the names that Prometheus'
    /// clients give them.</summary>
    /// <param name="certificateEnd">Of the certificate that is shown now.</param>
    public void ObserveProcess(string version, long filesMax, Func<DateTimeOffset> certificateEnd)
    {
        using var self = Process.GetCurrentProcess();
        var began = new DateTimeOffset(self.StartTime);
        meter.CreateObservableGauge("postern_build_info",
            () => new Measurement<int>(1, new KeyValuePair<string, object?>("version", version)),
            unit: null, "Always 1; the version that runs is its label");
        meter.CreateObservableGauge("postern_certificate_end", () => SecondsOf(certificateEnd()),
            "s", "When the certificate that listeners show ends, in Unix time");
        meter.CreateObservableGauge("process_start_time", () => SecondsOf(began),
            "s", "When the process began, in Unix time");
        meter.CreateObservableCounter("process_cpu", () => Environment.CpuUsage.TotalTime.TotalSeconds,
            "s", "Time of processors, of the user and of the system");
        meter.CreateObservableGauge("process_resident_memory", () => Environment.WorkingSet,
            "By", "Memory of the process that is not swapped out");
        meter.CreateObservableGauge("process_max_fds", () => filesMax,
            "{file}", "How many files the process may have open");
        if (Directory.Exists(OpenFiles))
            meter.CreateObservableGauge("process_open_fds",
                () => Directory.EnumerateFileSystemEntries(OpenFiles).Count(), "{file}",
                "How many files the process has open");
    }

    /// <param name="listener">Name of the door's listener.</param>
    public void Accepted(string listener, long contentOctets)
    {
        var tag = new KeyValuePair<string, object?>("listener", listener);
        accepted.Add(1, tag);
        acceptedOctets.Add(contentOctets, tag);
        totals.Accepted.Increment();
    }

    public void Attempted(string transport, AttemptOutcome outcome)
    {
        recipients.Add(1, new("transport", transport), new("outcome", NameOf(outcome)));
        totals.Of(outcome).Increment();
    }

    public void AttemptTook(string transport, TimeSpan time)
    {
        attemptSeconds.Record(time.TotalSeconds, new KeyValuePair<string, object?>("transport", transport));
        totals.Attempts.Add(time);
    }

    /// <summary>One call of Pub/Sub's Publish; the code is gRPC's.</summary>
    internal void Published(string transport, PublishCall call)
    {
        var name = new KeyValuePair<string, object?>("transport", transport);
        var code = new KeyValuePair<string, object?>("code", call.Code.ToString());
        publishCalls.Add(1, name, code);
        publishedMessages.Add(call.Messages, name, code);
        publishedOctets.Add(call.Octets, name, code);
        publishSeconds.Record(call.Took.TotalSeconds, name);
    }

    public void CommitTook(TimeSpan time)
    {
        commitSeconds.Record(time.TotalSeconds);
        totals.Commits.Add(time);
    }

    public void SessionEnded(SessionFacts session, SessionEnd end) => sessions.Add(1,
        new("listener", session.Listener), new("end", LineFormat.NameOf(end)));

    public void Refused(SessionFacts session, string verb, Reply reply) => refusals.Add(1,
        new("listener", session.Listener), new("verb", LineFormat.VerbOf(verb)), new("code", reply.Code));

    /// <param name="action">The Action field: failed, delayed, relayed...</param>
    public void Reported(string action) =>
        reports.Add(1, new KeyValuePair<string, object?>("action", action));

    public void Dispose() => meter.Dispose();

    static double SecondsOf(DateTimeOffset moment) => moment.ToUnixTimeMilliseconds() / 1000.0;

    static string NameOf(AttemptOutcome outcome) => outcome switch
    {
        AttemptOutcome.Relayed => "relayed",
        AttemptOutcome.Deferred => "deferred",
        AttemptOutcome.Failed => "failed",
        _ => throw new UnreachableException(),
    };

    Histogram<double> Latency(string name, string description, double[] bounds) => meter.CreateHistogram(
        name, "s", description, tags: null,
            new InstrumentAdvice<double> { HistogramBucketBoundaries = bounds });
}

/// <summary>How one recipient's attempt ended, for the counters.</summary>
public enum AttemptOutcome { Relayed, Deferred, Failed }

/// <param name="State">active or waiting.</param>
public readonly record struct QueueSize(string Transport, string State, long Recipients);

/// <param name="Age">Of the message that has waited longest.</param>
public readonly record struct QueueAge(string Transport, TimeSpan Age);

/// <param name="State">open or closed.</param>
public readonly record struct LaneCount(string Transport, string State, int Count);

/// <summary>What is read of the queue when metrics are collected, by transport.</summary>
/// <param name="Oldest">Empty while nothing waits.</param>
public sealed record QueueGauges(
    Func<IEnumerable<QueueSize>> Sizes, Func<IEnumerable<QueueAge>> Oldest,
    Func<IEnumerable<LaneCount>> Lanes);
