using Postern.Mta.Transports;

namespace Postern.Mta.Inbound.Checks;

/// <summary>Finds out what can be known of mail from other servers. Nothing is decided here.</summary>
sealed class MailChecker(IResolver resolver, TimeProvider clock)
{
    public TimeProvider Clock => clock;
    public ClientCheck Client { get; } = new(resolver);
    public SpfCheck Spf { get; } = new(resolver, clock);
    public DkimCheck Dkim { get; } = new(resolver, clock);
    public ArcCheck Arc { get; } = new(resolver, clock);
    public DmarcCheck Dmarc { get; } = new(resolver);
}
