using Google.Protobuf;
using Grpc.Core;
using Postern.Mta.Transports.PubSub.Wire;

namespace Postern.Mta.Transports.PubSub;

/// <summary>What became of one published message.</summary>
abstract record PublishOutcome
{
    /// <summary>The alarm about the topic and our right to it.</summary>
    public const string TopicAlarm = "topic";

    public sealed record Published(string MessageId) : PublishOutcome;

    /// <summary>It may be tried again, and may have been published: consumers know a repeat by its
    /// id.</summary>
    /// <param name="RetryAfter">RetryInfo of the service. Null: none.</param>
    public sealed record Unavailable(string Text, TimeSpan? RetryAfter) : PublishOutcome;

    /// <summary>An operator has to mend it; nothing is wrong with the message.</summary>
    /// <param name="Kind">Kind of the alarm.</param>
    public sealed record Misconfigured(string Kind, string Text, string Mend) : PublishOutcome;

    /// <summary>The request as it stands will never be taken: one of its messages is to blame.</summary>
    public sealed record Refused(string Text) : PublishOutcome;

    /// <summary>Error classes of Pub/Sub's publish (Google's error page; the retry codes of its own
    /// clients).</summary>
    public static PublishOutcome Of(RpcException error, string topic)
    {
        var text = $"{error.StatusCode}: {error.Status.Detail}";
        switch (error.StatusCode)
        {
            case StatusCode.Aborted or StatusCode.Cancelled or StatusCode.DeadlineExceeded
                or StatusCode.Internal
                or StatusCode.ResourceExhausted or StatusCode.Unavailable or StatusCode.Unknown:
                return new Unavailable(text, RetryDelayOf(error.Trailers));
            // A topic's schema refuses every document alike: no message is to blame for it.
            case StatusCode.InvalidArgument or StatusCode.OutOfRange
                when !error.Status.Detail.Contains("schema", StringComparison.OrdinalIgnoreCase):
                return new Refused(text);
            case StatusCode.InvalidArgument or StatusCode.OutOfRange:
                return Topic(text, $"take the schema off {topic}, or one that fits the documents");
            case StatusCode.NotFound:
                return Topic(text, $"create {topic}, or correct the transport's topic");
            case StatusCode.PermissionDenied:
                return Topic(text, $"give the service account roles/pubsub.publisher on {topic}");
            case StatusCode.Unauthenticated:
                return Topic(text, "see that the credentials are valid and the clock is right");
            default:
                return Topic(text, $"see billing, keys and region policy of the project of {topic}");
        }
    }

    static Misconfigured Topic(string text, string mend) => new(TopicAlarm, text, mend);

    static TimeSpan? RetryDelayOf(Metadata trailers)
    {
        // google.rpc.Status, with google.rpc.RetryInfo among its details.
        if (trailers.GetValueBytes("grpc-status-details-bin") is not { } octets)
            return null;
        try
        {
            var info = ErrorStatus.Parser.ParseFrom(octets).Details
                .FirstOrDefault(static any =>
                    any.TypeUrl.EndsWith("/google.rpc.RetryInfo", StringComparison.Ordinal));
            return info is null ? null : RetryInfo.Parser.ParseFrom(info.Value).RetryDelay?.ToTimeSpan();
        }
        catch (Exception e) when (e is InvalidProtocolBufferException or InvalidOperationException)
        {
            // A peer's garbage, or a duration out of range: no wish.
            return null;
        }
    }
}
