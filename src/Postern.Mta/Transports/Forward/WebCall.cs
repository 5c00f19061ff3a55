using System.Net.Http.Headers;
using Postern.Mta.Transports.Mailgun;

namespace Postern.Mta.Transports.Forward;

/// <summary>Posts to addresses that people set, and tells what came of it.</summary>
/// <param name="handler">In the place of connections; closed with this.</param>
sealed class WebCall(HttpMessageHandler handler, TimeProvider clock) : IDisposable
{
    const int AnswerOctetsMax = 64 << 10;

    /// <summary>The body of an answer, once its status is known.</summary>
    static readonly TimeSpan AnswerMax = TimeSpan.FromSeconds(5);

    // The attempt's own limit counts.
    readonly HttpClient client = new(handler, disposeHandler: true) { Timeout = Timeout.InfiniteTimeSpan };

    /// <inheritdoc cref="PostAsync(HttpRequestMessage, Func{Task}, CancellationToken, CancellationToken)"/>
    /// <param name="talk">Gets the call.</param>
    public async ValueTask<WebOutcome> PostAsync(
        HttpRequestMessage request, Func<Task> idle, CallTalk talk, CancellationToken limit,
        CancellationToken stop)
    {
        var outcome = await PostAsync(request, idle, limit, stop).ConfigureAwait(false);
        if (outcome is WebOutcome.Answered { Answer: var answer })
            talk.Answered(request.Method, request.RequestUri!, answer);
        else
            talk.Broke(request.Method, request.RequestUri!,
                outcome is WebOutcome.Broken { Reason: var reason } ? reason : "the server stops");
        return outcome;
    }

    /// <summary>Makes one post. Never throws for what the peer did.</summary>
    /// <param name="idle">An answer may come before all was sent, and the content is not ours for
    /// longer.</param>
    /// <param name="limit">Of the attempt; cancelled by <paramref name="stop"/> too.</param>
    public async ValueTask<WebOutcome> PostAsync(
        HttpRequestMessage request, Func<Task> idle, CancellationToken limit, CancellationToken stop)
    {
        try
        {
            request.Headers.TryAddWithoutValidation("User-Agent", "Postern");
            using var response = await client
                .SendAsync(request, HttpCompletionOption.ResponseHeadersRead, limit).ConfigureAwait(false);
            var body = await ReadAsync(response.Content, limit, stop).ConfigureAwait(false);
            return new WebOutcome.Answered(MailgunAnswer.Of(response, body, clock.GetUtcNow()))
            {
                Fields = response.Headers,
                ContentFields = response.Content.Headers,
            };
        }
        catch (Exception e) when (MailgunApi.IsBrokenCall(e, stop))
        {
            return new WebOutcome.Broken(ReasonOf(e));
        }
        catch (OperationCanceledException)
        {
            return new WebOutcome.Stopped();
        }
        finally
        {
            await idle().ConfigureAwait(false);
        }
    }

    public void Dispose() => client.Dispose();

    /// <summary>For its words alone: the status has said everything, and an answer that does not come to its
    /// end must not have the post repeated.</summary>
    async ValueTask<ReadOnlyMemory<byte>> ReadAsync(
        HttpContent content, CancellationToken limit, CancellationToken stop)
    {
        using var patience = new CancellationTokenSource(AnswerMax, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, limit);
        try
        {
            using var stream = await content.ReadAsStreamAsync(either.Token).ConfigureAwait(false);
            var body = new byte[AnswerOctetsMax];
            // What is longer is cut.
            var length = await stream.ReadAtLeastAsync(
                body, body.Length, throwOnEndOfStream: false, either.Token).ConfigureAwait(false);
            return body.AsMemory(0, length);
        }
        catch (Exception e) when (MailgunApi.IsBrokenCall(e, stop))
        {
            return default;
        }
    }

    static string ReasonOf(Exception e) => e switch
    {
        OperationCanceledException => "timed out",
        { InnerException: { } inner } => $"{e.Message} {ReasonOf(inner)}",
        _ => e.Message,
    };
}

/// <summary>How a post ended.</summary>
abstract record WebOutcome
{
    WebOutcome()
    {
    }

    public sealed record Answered(MailgunAnswer Answer) : WebOutcome
    {
        public HttpResponseHeaders? Fields { get; init; }
        public HttpContentHeaders? ContentFields { get; init; }

        /// <summary>A field of the answer's header. Null: it is not there, or stands there twice.</summary>
        public string? FieldOf(string name)
        {
            IEnumerable<string>? values = null;
            if (Fields?.TryGetValues(name, out values) != true)
                ContentFields?.TryGetValues(name, out values);
            return values?.Take(2).ToArray() is [var one] ? one : null;
        }
    }

    /// <summary>No answer came; what was sent may have been taken.</summary>
    public sealed record Broken(string Reason) : WebOutcome;

    /// <summary>We are stopping: whether it was taken is unknown, and a repeat is allowed.</summary>
    public sealed record Stopped : WebOutcome;
}
