using System.Net;
using System.Text;
using Postern.Mta.Transports;
using Postern.Smtp;

namespace Postern.Mta.Inbound.Checks;

/// <summary>SPF (RFC 7208): a domain's own word on who sends its mail.</summary>
/// <remarks>A fact for others to judge by; nothing is refused here. No answer of the DNS, however odd, is
/// more than a result.</remarks>
public sealed class SpfCheck(IResolver resolver, TimeProvider clock)
{
    /// <summary>RFC 7208 §4.6.4: at least 20 s.</summary>
    public static readonly TimeSpan ElapsedMax = TimeSpan.FromSeconds(20);

    /// <summary>RFC 7208 §4.6.4: terms that ask the DNS.</summary>
    public const int TermsMax = 10;

    /// <summary>RFC 7208 §4.6.4: of them, those whose question finds nothing.</summary>
    public const int VoidLookupsMax = 2;

    /// <summary>RFC 7208 §4.6.4: mail hosts of one mechanism, names of one address.</summary>
    public const int NamesMax = 10;

    /// <summary>A reply line holds so many beside the code and the sender's name.</summary>
    public const int ExplanationCharactersMax = 400;

    /// <summary>Of what a verdict tells.</summary>
    public const int WhyCharactersMax = 200;

    public async ValueTask<SpfVerdict> CheckAsync(SpfQuestion question, CancellationToken cancel)
    {
        if (ToDomain(question.Domain) is not { } domain)
        {
            return new SpfVerdict(AuthenticationResult.None, Shown(question.Domain, Mailbox.DomainOctetsMax),
                question.Scope, null, "not a domain name");
        }
        using var limit = new CancellationTokenSource(ElapsedMax, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancel);
        try
        {
            var evaluation = new SpfEvaluation(resolver, clock, question, domain);
            var outcome = await evaluation.EvaluateAsync(domain, either.Token);
            var explanation = outcome.Result == AuthenticationResult.Fail
                ? await evaluation.ExplainAsync(outcome, either.Token)
                : null;
            return new SpfVerdict(outcome.Result, domain, question.Scope, explanation, outcome.Why);
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            return new SpfVerdict(
                AuthenticationResult.Temperror, domain, question.Scope, null, "the DNS took too long");
        }
    }

    /// <summary>RFC 7208 §4.3: a domain name of several labels. Null: it is none.</summary>
    internal static string? ToDomain(string name) =>
        name.Contains('.') && !name.StartsWith('[') ? DnsNames.ToQuestion(name) : null;

    /// <summary>What somebody else wrote, fit to be shown: printable ASCII of limited length.</summary>
    internal static string Shown(ReadOnlySpan<char> text, int charactersMax)
    {
        if (text.Length <= charactersMax && !text.ContainsAnyExceptInRange(' ', '~'))
            return text.ToString();
        var shown = new StringBuilder(charactersMax);
        foreach (var c in text[..Math.Min(text.Length, charactersMax)])
            shown.Append(c is < ' ' or > '~' ? '?' : c);
        return shown.ToString();
    }
}

/// <summary>What is asked: may this client send mail of this domain?</summary>
/// <param name="Client">An IPv4 address mapped into IPv6 counts as IPv4.</param>
/// <param name="HeloName">As the client said it.</param>
/// <param name="LocalPart">Of the sender. Empty: there is none, and <c>postmaster</c> stands for it (RFC 7208
/// §4.3).</param>
/// <param name="Domain">Of the sender, or the HELO name for the null sender (RFC 7208 §2.4).</param>
/// <param name="HostName">Ours, for <c>%{r}</c>.</param>
public sealed record SpfQuestion(
    IPAddress Client, string HeloName, string LocalPart, string Domain, SpfScope Scope, string HostName)
{
    /// <param name="sender">Null: the null sender.</param>
    public static SpfQuestion Of(IPAddress client, string heloName, Mailbox? sender, string hostName) =>
        sender is null
            ? new SpfQuestion(client, heloName, "", heloName, SpfScope.Helo, hostName)
            : new SpfQuestion(
                client, heloName, sender.LocalPart, sender.Domain, SpfScope.MailFrom, hostName);
}
