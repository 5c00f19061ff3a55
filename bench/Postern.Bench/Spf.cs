using System.Net;
using System.Net.Sockets;
using BenchmarkDotNet.Attributes;
using Postern.Mta.Inbound.Checks;
using Postern.Mta.Transports;
using Postern.Smtp;

namespace Postern.Bench;

/// <summary>SPF of a usual domain whose records the resolver has kept.</summary>
[MemoryDiagnoser]
public class Spf
{
    readonly SpfCheck check = new(
        new CachedResolver(new Zone(), TimeProvider.System, new Random(1)), TimeProvider.System);

    readonly SpfQuestion plain = QuestionOf("app@plain.example");
    readonly SpfQuestion usual = QuestionOf("app@usual.example");

    /// <summary>One record with addresses.</summary>
    [Benchmark]
    public AuthenticationResult Addresses() => ResultOf(plain);

    /// <summary>Two records of others with twenty addresses, MX and A of its own.</summary>
    [Benchmark]
    public AuthenticationResult Includes() => ResultOf(usual);

    AuthenticationResult ResultOf(SpfQuestion question)
    {
        var verdict = check.CheckAsync(question, CancellationToken.None).AsTask().GetAwaiter().GetResult();
        return verdict.Result == AuthenticationResult.Pass ? verdict.Result : throw new FormatException();
    }

    static SpfQuestion QuestionOf(string sender) => Mailbox.TryParse(sender, out var mailbox)
        ? SpfQuestion.Of(IPAddress.Parse("192.0.2.77"), "mail.example", mailbox, "mx.example")
        : throw new FormatException();

    sealed class Zone : IResolver
    {
        static readonly TimeSpan Hour = TimeSpan.FromHours(1);

        static readonly string TenNetworks =
            string.Concat(Enumerable.Range(1, 10).Select(i => $"ip4:198.51.{i}.0/24 "));

        public ValueTask<TextLookup> LookupTextAsync(string name, CancellationToken cancel) =>
            new(new TextLookup(LookupOutcome.Found, [name switch
            {
                "plain.example" => "v=spf1 ip6:2001:db8::/32 ip4:192.0.2.0/24 -all",
                "usual.example" => "v=spf1 include:a.example include:b.example a mx ~all",
                _ => $"v=spf1 {TenNetworks}~all",
            }])
            {
                TimeToLive = Hour,
            });

        public ValueTask<MxLookup> LookupMxAsync(string domain, CancellationToken cancel) => new(
            new MxLookup(LookupOutcome.Found, [new MxHost("mx.example", 1)]) { TimeToLive = Hour });

        public ValueTask<AddressLookup> LookupAddressesAsync(
            string host, AddressFamily family, CancellationToken cancel) =>
            new(new AddressLookup(LookupOutcome.Found,
                [IPAddress.Parse(host == "mx.example" ? "192.0.2.77" : "192.0.2.1")])
            {
                TimeToLive = Hour,
            });

        public ValueTask<AddressLookup> LookupAddressesAsync(string host, CancellationToken cancel) =>
            LookupAddressesAsync(host, AddressFamily.InterNetwork, cancel);

        public ValueTask<NameLookup> LookupNamesAsync(IPAddress address, CancellationToken cancel) =>
            new(new NameLookup(LookupOutcome.NoSuchName, []));
    }
}
