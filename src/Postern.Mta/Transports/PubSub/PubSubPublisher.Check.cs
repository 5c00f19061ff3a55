using Grpc.Core;
using Postern.Mta.Transports.PubSub.Wire;

namespace Postern.Mta.Transports.PubSub;

/// <summary>Whether the topic is there and takes messages from us, asked without publishing.</summary>
sealed partial class PubSubPublisher
{
    const string PublishPermission = "pubsub.topics.publish";

    /// <summary>
    /// What an operator has to mend; null when all is well, or the answer that proves neither.
    /// </summary>
    /// <remarks>
    /// To read a topic takes a permission that a publisher lacks, so that a refusal proves nothing; what we
    /// may do there, anybody may ask. An emulator does not know the second question.
    /// </remarks>
    public async ValueTask<PublishOutcome?> CheckAsync(CancellationToken cancel)
    {
        var (call, withoutToken) = await PrepareAsync(cancel).ConfigureAwait(false);
        if (withoutToken is not null)
            return withoutToken;
        var refusal = await ReadTopicAsync(call).ConfigureAwait(false);
        if (refusal is { StatusCode: StatusCode.NotFound or StatusCode.Unauthenticated })
            return PublishOutcome.Of(refusal, topic);
        return await MayPublishAsync(call).ConfigureAwait(false) switch
        {
            true => null,
            false => new PublishOutcome.Misconfigured(
                PublishOutcome.TopicAlarm,
                refusal is null
                    ? $"we may not publish to {topic}"
                    : $"{topic} does not exist, or we may not publish to it",
                $"give the service account roles/pubsub.publisher on {topic}"),
            null when refusal is null => null,
            null => new PublishOutcome.Unavailable("no answer", null),
        };
    }

    /// <summary>Null: the topic was read.</summary>
    async ValueTask<RpcException?> ReadTopicAsync(CallOptions call)
    {
        try
        {
            await client.GetTopicAsync(new GetTopicRequest { Topic = topic }, call).ConfigureAwait(false);
            return null;
        }
        catch (RpcException e)
        {
            return e;
        }
    }

    /// <summary>Null: no answer.</summary>
    async ValueTask<bool?> MayPublishAsync(CallOptions call)
    {
        try
        {
            var request = new TestIamPermissionsRequest { Resource = topic };
            request.Permissions.Add(PublishPermission);
            var answer = await new IAMPolicy.IAMPolicyClient(channel).TestIamPermissionsAsync(request, call)
                .ConfigureAwait(false);
            return answer.Permissions.Contains(PublishPermission);
        }
        catch (RpcException)
        {
            return null;
        }
    }
}
