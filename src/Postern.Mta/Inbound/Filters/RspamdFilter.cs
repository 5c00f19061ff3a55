using System.Diagnostics;
using System.IO.Pipelines;
using System.Net;
using System.Text;
using Postern.Mta.Inbound.Checks;
using Postern.Mta.Store;
using Postern.Mta.Transports.Mailgun;
using Postern.Smtp.Server;

namespace Postern.Mta.Inbound.Filters;

/// <summary>Asks rspamd whether a message is spam.</summary>
/// <remarks>One connection for each message, so that none is found closed in the middle of one. The message
/// is streamed and never whole in memory. Nothing that rspamd says or does not say makes it throw, and it
/// ends within <see cref="RspamdOptions.Timeout"/>.</remarks>
sealed class RspamdFilter : IDisposable
{
    /// <summary>How alarms call it.</summary>
    public const string Name = "rspamd";

    /// <summary>A real answer has a few thousand octets.</summary>
    const int AnswerOctetsMax = 1 << 20;

    const int AnswerHeaderKibMax = 16;

    /// <summary>The most it is told of; the default of <c>limits.recipients</c>.</summary>
    const int RecipientsMax = 1000;

    /// <summary>Characters of a fact: an address has at most 320 (RFC 5321 §4.5.3.1).</summary>
    const int FactMax = 512;

    readonly HttpClient client;
    readonly FilterNote note;
    readonly TimeProvider clock;

    /// <param name="handler">Of <see cref="MakeHandler"/>; disposed of with this.</param>
    /// <param name="note">Told how rspamd does, each time that it was asked.</param>
    public RspamdFilter(HttpMessageHandler handler, FilterNote note, TimeProvider clock)
    {
        (this.note, this.clock) = (note, clock);
        client = new HttpClient(handler, disposeHandler: true) { Timeout = Timeout.InfiniteTimeSpan };
    }

    public static SocketsHttpHandler MakeHandler() => new()
    {
        AllowAutoRedirect = false,
        UseProxy = false,
        UseCookies = false,
        AutomaticDecompression = DecompressionMethods.None,
        ActivityHeadersPropagator = DistributedContextPropagator.CreateNoOutputPropagator(),
        MaxResponseHeadersLength = AnswerHeaderKibMax,
        // What is beyond the limit is not waited for.
        MaxResponseDrainSize = 0,
        // Addresses may be UTF-8 (RFC 6531).
        RequestHeaderEncodingSelector = (_, _) => Encoding.UTF8,
    };

    public void Dispose() => client.Dispose();

    public async ValueTask<SpamVerdict> CheckAsync(
        string url, RspamdOptions options, FilterQuestion mail, StoredContent content,
        CancellationToken cancel)
    {
        if (content.Octets > options.SizeMax)
            return new SpamVerdict(SpamResult.Skipped, null, null, Name);
        using var limit = new CancellationTokenSource(options.Timeout, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancel);
        using var body = new MailBody(content);
        using var request = new HttpRequestMessage(HttpMethod.Post, $"{url.TrimEnd('/')}/checkv2")
        {
            Version = HttpVersion.Version11,
            Content = body,
        };
        AddFacts(request, options, mail);
        var (verdict, trouble) = await AskAsync(request, body, either.Token, cancel).ConfigureAwait(false);
        note(Name, trouble);
        return verdict;
    }

    /// <returns>The verdict, and what is wrong. Null: nothing is.</returns>
    async ValueTask<(SpamVerdict Verdict, string? Trouble)> AskAsync(
        HttpRequestMessage request, MailBody body, CancellationToken limit, CancellationToken cancel)
    {
        try
        {
            using var response = await client
                .SendAsync(request, HttpCompletionOption.ResponseHeadersRead, limit).ConfigureAwait(false);
            if (response.StatusCode != HttpStatusCode.OK)
                return Failed(string.Create(null, $"it answers {(int)response.StatusCode}"));
            var answer = await ReadAsync(response.Content, limit).ConfigureAwait(false);
            if (answer is null)
                return Failed("it does not talk as rspamd does");
            if (answer.Result is not { } result)
                return Failed($"its action \"{Replies.Clean(answer.Action ?? "", 64)}\" is none of rspamd's");
            var verdict = new SpamVerdict(result, answer.Score, answer.RequiredScore, EngineOf(response));
            return (verdict, null);
        }
        catch (Exception broken) when (broken is not ContentDamagedException
            && MailgunApi.IsBrokenCall(broken, cancel))
        {
            return Failed(broken is OperationCanceledException
                ? "it is too slow" : Replies.Clean(broken.Message, 128));
        }
        finally
        {
            // An answer may come before all was sent, and the content is not ours for longer.
            await body.Idle.ConfigureAwait(false);
        }
    }

    static (SpamVerdict Verdict, string? Trouble) Failed(string trouble) =>
        (new SpamVerdict(SpamResult.Error, null, null, Name), trouble);

    /// <summary>What rspamd is told beside the message, in the words of its protocol.</summary>
    static void AddFacts(HttpRequestMessage request, RspamdOptions options, FilterQuestion mail)
    {
        var headers = request.Headers;
        headers.ConnectionClose = true;
        Add("IP", mail.Client.Address);
        Add("Helo", mail.Client.Helo);
        Add("Hostname", mail.Client.Name);
        Add("From", $"<{mail.Sender.Mailbox}>");
        foreach (var recipient in mail.Recipients.Take(RecipientsMax))
            Add("Rcpt", $"<{recipient}>");
        Add("Queue-Id", mail.Id.ToString());
        Add("User", mail.Client.Account);
        Add("Password", options.Password?.Value);

        void Add(string name, string? fact)
        {
            if (!string.IsNullOrEmpty(fact))
                headers.TryAddWithoutValidation(name, Clean(fact));
        }
    }

    /// <summary>What a peer said begins no line of ours.</summary>
    static string Clean(string fact) => string.Concat(
        fact.Take(FactMax).Select(character => char.IsControl(character) ? '?' : character));

    /// <summary>Null: it is no answer of rspamd's, or too long.</summary>
    static async ValueTask<RspamdAnswer?> ReadAsync(HttpContent content, CancellationToken limit)
    {
        using var stream = await content.ReadAsStreamAsync(limit).ConfigureAwait(false);
        var reader = PipeReader.Create(stream);
        try
        {
            while (true)
            {
                var read = await reader.ReadAsync(limit).ConfigureAwait(false);
                if (read.Buffer.Length > AnswerOctetsMax)
                    return null;
                if (read.IsCompleted)
                    return RspamdAnswer.TryParse(read.Buffer, out var answer) ? answer : null;
                reader.AdvanceTo(read.Buffer.Start, read.Buffer.End);
            }
        }
        finally
        {
            await reader.CompleteAsync().ConfigureAwait(false);
        }
    }

    /// <summary><c>rspamd 3.4</c> of <c>Server: rspamd/3.4</c>.</summary>
    static string EngineOf(HttpResponseMessage response)
    {
        const string product = $"{Name}/";
        return response.Headers.TryGetValues("Server", out var servers)
            && servers.FirstOrDefault() is { } server
            && server.StartsWith(product, StringComparison.OrdinalIgnoreCase)
                ? $"{Name} {Replies.Clean(server[product.Length..], 32)}" : Name;
    }

    /// <summary>The message as the body of a request.</summary>
    sealed class MailBody(StoredContent content) : HttpContent
    {
        TaskCompletionSource? sending;

        /// <summary>Nothing reads the content any more.</summary>
        public Task Idle => sending?.Task ?? Task.CompletedTask;

        protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) =>
            SerializeToStreamAsync(stream, context, CancellationToken.None);

        protected override async Task SerializeToStreamAsync(
            Stream stream, TransportContext? context, CancellationToken cancellationToken)
        {
            sending = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            var reader = content.OpenReader();
            try
            {
                await reader.CopyToAsync(stream, cancellationToken).ConfigureAwait(false);
            }
            finally
            {
                await reader.CompleteAsync().ConfigureAwait(false);
                sending.SetResult();
            }
        }

        protected override bool TryComputeLength(out long length)
        {
            length = content.Octets;
            return true;
        }
    }
}
