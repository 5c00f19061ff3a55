using Postern.Mta.Store;
using Postern.Mta.Suppressions;
using Postern.Mta.Transports;

namespace Postern.Api;

/// <summary>The suppression list and a provider's, one page or batch at each request.</summary>
/// <remarks>The caller holds the place and comes back with it: nothing of an exchange is kept here, and one
/// that broke off goes on from there. Both ways may be gone twice.</remarks>
sealed partial class WebApi
{
    /// <summary>Entries of one batch; Mailgun takes less than 1000.</summary>
    const int SuppressionBatchMax = 500;

    static readonly TimeSpan SuppressionWait = TimeSpan.FromSeconds(10);

    static readonly SuppressionKind[] Exchanged =
        [SuppressionKind.Bounce, SuppressionKind.Unsubscribe, SuppressionKind.Complaint];

    void MapSuppressionExchange(WebApplication web)
    {
        web.MapPost("/admin/v1/suppressions/pull", PullSuppressionsAsync);
        web.MapPost("/admin/v1/suppressions/push", PushSuppressionsAsync);
    }

    async Task PullSuppressionsAsync(HttpContext context)
    {
        if (await ReadExchangeAsync(context) is not { } exchange)
            return;
        var answer = await exchange.Transport.ReadSuppressionsAsync(
            exchange.Kind, exchange.Within, context.RequestAborted);
        if (answer is not SuppressionAnswer.Found found)
        {
            await AnswerTroubleAsync(context, exchange, answer);
            return;
        }
        var added = await agent.Queue.AddSuppressionsAsync(
            exchange.Domain, exchange.Kind,
            [.. found.Entries.Select(entry => entry with
            {
                Value = entry.Value with { Source = exchange.Transport.Name },
            })],
            context.RequestAborted);
        await AnswerAsync(context, exchange.Step(found.Next) with
        {
            Looked = found.Entries.Count + found.Unread,
            Changed = added,
            Unread = found.Unread,
        }, AdminJson.Default.SuppressionStep);
    }

    async Task PushSuppressionsAsync(HttpContext context)
    {
        if (await ReadExchangeAsync(context) is not { } exchange)
            return;
        var prefix = SuppressionKey.PrefixOf(exchange.Domain, exchange.Kind);
        var page = await agent.Queue.Suppressions.Entries.ListAsync(
            prefix, SuppressionBatchMax,
            range => exchange.Within is { } address ? range with { After = prefix + address } : range,
            context.RequestAborted);
        Named<Suppression>[] batch = [.. page.Select(
            entry => new Named<Suppression>(SuppressionKey.Parse(entry.Name).Address, entry.Value))];
        if (batch.Length > 0)
        {
            var answer = await exchange.Transport.WriteSuppressionsAsync(
                exchange.Kind, batch, context.RequestAborted);
            if (answer is not SuppressionAnswer.Taken)
            {
                await AnswerTroubleAsync(context, exchange, answer);
                return;
            }
        }
        await AnswerAsync(
            context, exchange.Step(batch.Length == SuppressionBatchMax ? batch[^1].Name : null) with
            {
                Looked = batch.Length,
                Changed = batch.Length,
            },
            AdminJson.Default.SuppressionStep);
    }

    static Task AnswerTroubleAsync(
        HttpContext context, SuppressionExchange exchange, SuppressionAnswer answer) => answer switch
        {
            SuppressionAnswer.NotNow later => AnswerAsync(
                context, new SuppressionStep(exchange.List, exchange.Place)
                {
                    Why = later.Why,
                    WaitSeconds = (int)Math.Ceiling((later.RetryAfter ?? SuppressionWait).TotalSeconds),
                },
                AdminJson.Default.SuppressionStep),
            SuppressionAnswer.Refused refused => ErrorAsync(
                context, 502, refused.Why, "look at key, domain and region of this transport; a sending key "
                + "may not do it"),
            _ => ErrorAsync(
                context, 400, $"{exchange.Transport.Name} has no lists to exchange",
                "name a transport of kind = \"mailgun\""),
        };

    /// <summary>Null: it cannot be read, and the answer is given.</summary>
    async ValueTask<SuppressionExchange?> ReadExchangeAsync(HttpContext context)
    {
        var request = await ReadBodyAsync(context, AdminJson.Default.SuppressionExchangeRequest);
        if (request?.Transport is not { Length: > 0 } name || agent.FindTransport(name) is not { } transport)
            await ErrorAsync(context, 404, "there is no such transport", "name one of [transports]");
        else if ((request.Domain ?? agent.Options.Transports.GetValueOrDefault(name)?.Domain)
            is not { } wish || DomainOf(wish) is not { } domain)
            await ErrorAsync(
                context, 400, "this domain is not configured", "name one of [domains], or * for all");
        else if (ReadPlace(request.Place ?? SuppressionKey.ListOf(Exchanged[0])) is not { } place)
            await ErrorAsync(context, 400, "there is no such place", "take next of the answer before");
        else
            return new SuppressionExchange(transport, domain, place.Kind, place.Within);
        return null;
    }

    /// <summary>A list, and how far in it after a blank.</summary>
    static (SuppressionKind Kind, string? Within)? ReadPlace(string place)
    {
        var parts = place.Split(' ', 2);
        foreach (var kind in Exchanged)
        {
            if (SuppressionKey.ListOf(kind) == parts[0])
                return (kind, parts.ElementAtOrDefault(1));
        }
        return null;
    }

    /// <param name="Within">How far in the list. Null: from its beginning.</param>
    sealed record SuppressionExchange(
        ITransport Transport, string Domain, SuppressionKind Kind, string? Within)
    {
        public string List => SuppressionKey.ListOf(Kind);

        public string Place => Within is null ? List : $"{List} {Within}";

        /// <param name="next">Where the list goes on. Null: it is at its end.</param>
        public SuppressionStep Step(string? next) => new(
            List, next is not null ? $"{List} {next}"
                : Kind == Exchanged[^1] ? null
                : SuppressionKey.ListOf(Exchanged[Array.IndexOf(Exchanged, Kind) + 1]));
    }
}
