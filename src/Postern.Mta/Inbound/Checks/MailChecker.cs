using Postern.Mta.Inbound.Filters;
using Postern.Mta.Transports;

namespace Postern.Mta.Inbound.Checks;

/// <summary>Finds out what can be known of mail from other servers. Nothing is decided here.</summary>
sealed class MailChecker
{
    public MailChecker(IResolver resolver, TimeProvider clock)
    {
        var keys = new RsaKeys();
        Clock = clock;
        Client = new ClientCheck(resolver);
        Helo = new HeloCheck(resolver);
        Spf = new SpfCheck(resolver, clock);
        Dkim = new DkimCheck(resolver, clock) { Keys = keys };
        Arc = new ArcCheck(resolver, clock) { Keys = keys };
        Dmarc = new DmarcCheck(resolver);
    }

    public TimeProvider Clock { get; }
    public ClientCheck Client { get; }
    public HeloCheck Helo { get; }
    public SpfCheck Spf { get; }
    public DkimCheck Dkim { get; }
    public ArcCheck Arc { get; }
    public DmarcCheck Dmarc { get; }

    /// <summary>Null: nobody else is asked.</summary>
    public MailFilters? Filters { get; init; }
}
