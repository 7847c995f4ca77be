"""English words for `spelling`: those that it corrects to, and those that only look like a slip of one of them."""

from __future__ import annotations

NOUNS = frozenset(
    """
    circle square triangle star heart hexagon cross diamond rectangle teardrop droplet ring donut hoop ball disc sphere
    cube block cone pyramid gem rhombus stick bar object thing shape bubble balloon
        person people man men woman women child children friend baby girl boy lady guest player dancer king queen
    knight soldier robot monster dragon
    face hair eye mouth nose beard moustache mustache head hand finger arm shoulder shirt dress jacket coat trousers
    shoe sneaker hat glove scarf glasses sunglasses necklace helmet crown mask backpack umbrella
    dog cat horse bird rabbit elephant lion tiger monkey giraffe penguin chicken butterfly dolphin turtle squirrel
    spider snake kitten puppy bear horse fish wolf
    house building tower castle bridge church window door wall floor ceiling roof fence garden street road sidewalk
    table chair sofa couch pillow blanket curtain carpet mirror lamp candle lantern picture painting poster clock
    bottle glass plate bowl spoon knife kitchen fridge basket bucket drawer shelf cabinet bathroom bedroom
    book newspaper pencil computer laptop keyboard monitor screen television phone telephone camera guitar piano
    car cup egg box bag bed bus toy key van sun pen
    apple banana orange strawberry cherry lemon watermelon tomato potato carrot onion bread cheese cake cookie pizza
    burger sandwich coffee chocolate
    vehicle bicycle motorbike motorcycle truck train airplane plane helicopter rocket wheel boat ship tractor
        tree flower plant leaf leaves grass forest mountain beach ocean river lake island desert waterfall sunset
    sunrise cloud sky moon
    rainbow storm snow snowman fire smoke water stone rock
    image photo photograph background foreground backdrop scene shadow reflection light color colour logo letter
    """.split()
)
DESCRIBING = frozenset(
    """
    orange yellow green blue purple violet pink brown black white gray grey cyan magenta turquoise golden silver beige
    crimson blonde transparent
    small smaller smallest large larger largest bigger biggest huge giant tiny tinier little taller shorter longer wider
    narrow thicker thinner brighter darker lighter bright dark sharper blurry sharp clear clearer
    happy angry surprised scared tired sleepy young older younger dirty clean empty shiny wooden fluffy muscular bald
    frozen rusty round straight broken striped invisible burning smiling sleeping
    metal plastic leather marble wooden
    """.split()
)
SMALL = frozenset(
    """
    left right upwards downwards leftwards rightwards bottom middle center centre corner side clockwise
    counterclockwise anticlockwise upside
    with into from onto behind under above below beside between front inside around over towards toward next through
    away apart down half twice double percent times degrees size place position
    this that these those there should would could please everything everyone slowly completely slightly much more
    then them their second minute hour year
    night winter summer autumn spring morning evening
    """.split()
)
# Right words that the rules do not know, as near to one they know as a slip would be: "bell", "waiter". Found by trying
# the words of an English dictionary (SCOWL). Rare ones that only a sentence without sense endangers are left out.
LOOKALIKES = frozenset(
    """
    abound acts advance advances advancing aground airline airlines amazing applies arise autumnal babble babblers
    babbles babes babied babier babiest backing backpackers backspace backspaces backstop backstops backtrack
    backtracks badgers baggiest balling balloonist ballsy bandana bandanas bandanna bandannas banking banning bard
    bards barker barrow bashing basked basking bassoons bathrobe bathrobes bats battle battles beacons beak bearded
    bearing bearings beavers because bedding bedrocks bedrolls beds bedside bedsides beeches beetles begging beings
    belches bell bellow benches bestride betide better bicyclist bidding bids bight biking billed billing billings
    billion billions binding bindings bits bitterly blackens blackest blackjack blackjacks blanches blandest blanked
    blanker blankest blankness blanks blasting bleach bleached bleacher bleachers bleaches bleeding blenches blended
    blender blending blends blight blighted blinded blinding blinds blinkers bloats bloc blocked blocs blogged
    blogger blond blonder blondest blonds blossom blossoms blower blurring blurting boarding boards boast boasts
    bobble bobbles bobcats boggiest boiler boilings bonanza bonanzas bonding bonuses booked boom boosting booties
    bootlegs bootless borders bottled bottling bouncy bowels bowers bowled bowlers boxing brad brads bragging brains
    branches branding bras breach breached breaches breadths breakers breasts breathes breathing bred breeches
    breeds breeze bride brides bridging bridle bridles bridling briefing brightest brightness brisket briskets
    broaches broads broker brokers brooks brought brow brownie browning brushed brushes brushing bubbliest bubbly
    bucked buckeyes bucklers buddings buggers buggiest bullets bullion bullock bullocks bullring bullrings bullying
    bumble bumblers bumbles bundles bundling bunglers buns bunting burble burbles burbling burdening burgeons
    burgher burghers burglar burglars burgling buried burner burners burping burring burying bushes bust busted
    busters busting butterfat butterflied butteries buttery buzzing cabaret cabarets cables caching caginess caller
    calling callings calming calories cancels cancer cancers candies canning canter capping caps capsule capsules
    captain captains carbines careers caret carets carped carpel carpels carried carrier carriers carryout case
    cases cash cast caste casters castes catcher catchers catchy cattle caviling censer centers central certain
    chained chains chaired chance chances chandlers channels chanting char charge charged chargers charges charging
    chariot chariots charmed charred chars charted chasers chassis chatted chatter cheaper cheated checked checker
    checkers cheeks cheerier cheeriest cheery cheesiest cheesy chemises chickpea chickpeas childless chilled
    chilling chillings chimeras chipping chitlings chocks choirs choked choking chooses chopping churchmen circlets
    circuses citing clacks clan clans clarinet clarinets clashes classes cleaner cleaners cleanse cleanser cleansing
    cleanup clearest clearing cleats cleaver cleavers clergies cleverer clicked clicks climbers clipped clipping
    cloaks clods clones closest closure closures clothing clouts clover clowns clubbing clucks coached coaches coast
    coasts cockiest cocks coding coffer coffers coiling collage colonies colons coloreds combine comets commute
    commuted commuter commuters commutes compacter compares compass compete competed competes compiler compilers
    complete completed completer completes completest composer composers compotes compression compute computed
    computes concept concepts concern concerning concerns concert concerts conches condoles congress connect
    connecting cons consent conses contain contains content contents contest contests context contour contours
    cooker cookeries cookery coolie coolies cooling cootie cooties coping copped cornea corned cornet cornier
    coroner coroners couched counting courier courses cove covert coward cowards cowlings cracker crackers crafted
    created creating creeping crested cricket crickets crimes crises crochet crocks crones crooked crooks croons
    cropped crossings crotches crow crowds crows crusade crusted cubs cuddles cues curling curtail curtails curtsies
    cycling cypress dads damaging dander danger dangers darkest darkness dashing dating dauphins dealers debuted
    declare declared declares decrees defeated defeating defeats defects defying degrades degree degrees delegate
    delegates demerits demons departs descent descents deserters deserves desires dessert desserts destiny detecting
    devoted diapers digger ding dinners dirt discos discus discuss dishes diss dive divers dives doable doctors
    donates donkey donkeys donors doublet doublets doubly downward drafting drafts dragging dragoon dragoons
    drainers drains drawings dreamer dreamers dressed dresser dresses dressy driblets dries dripping drivers
    drollest drooling dropouts droppers drowned drowning drumming duress dusted dusting dwelling earning ease east
    eastern eaters elastic elegant elimination emending empathy empires employed enchanting enduring engaged
    engaging ensuring eras errands evermore evincing exclude excluded excluding exiting exploit exploited explore
    explored explorers explores exploring exposed exposes exposing extended extending extends facets faeces fairies
    famishes fanning farces feather feces feds feeders feel feelings fees fellow fellows fencers fetishes fiches
    fiddle fiend fiends fighter fighting fights figures filed files filing filler fillers fillet filmed filming
    filters finagler finaglers finder finders finer finishes fired fished fisher fishers fishery fishiest fishing
    fishnets fitters flashes flashing flat flats flattering flavors fling floaters flooded floods florist florists
    flours flowering fluff fluffs flyover flyovers folder follower followers font footrest footrests forecast
    forecasts foregrounded foremast foremasts foremost fores foresees foresters forfeits forgets form formats
    forming foster fosters founded founding fountain fountains fracking freaking freaks freebie freebies friended
    fries fright frightening fringe fringes frontal fuelled fumble gables gallon gallons gardeners gardenias
    garments gasses gating gearing giants gifting gins giraffes gladdens glassier glassiest glassy globes glosses
    glossies goldener gown grabbing gracing graders grading grains grange grasps grasses grassy grazing greener
    greening greeting grilling grinding gripping grooming grooves ground groves growers guarded guess guiding
    guitarist gust gusts hailing handbag handle handles handling hanging harden harrow hart harts harvest haters
    haunting heading headset healing hear hearing hears heartens hearths hearties heat heather heats heavens helpers
    helpmeet helpmeets heptagon heptagons hideous hiking hiring hoarse hoarsest holders holdings hollow hooked
    hoping hopped hordes horsiest hovering humble humbled humbling hurling imagine imagines indivisible infected
    inflation inflicted infrared inland inmates insect insects insider insiders insight insists inspect inspecting
    inspire insulated insulting insults interns investing invests invincible invisibly islanders isolated jacked
    jackpot jackpots jamming joining joints judges judging jumpers keel keeping keyboarded keyboarders keyword
    keywords killed killing kittenish kitties knee knees knifed knifes knitted knitters knowing ladders laddies
    lades ladles lads lager lancer lancers landings laps larder largess largesse lather latter laughter launching
    lawyers layered laying lazies leaders leagues leaked learned learner learning learns leased leases leathery
    leaven leavens leewards lefter lenders lens leotards lessons lest lettering lighten lightening lightens lighters
    lightning linger listing listings litter litters littler littlest loaves locking lodger loges logger logging
    logons logos loin loins loner longest losers loving lowing lurking machine magnets mailing maintain maintains
    makers mankind manning mapping marines marker markers marking markings marries marrow marrying marshes masking
    mass masses masters matched meal meaning meddle meeting meetings mellow mental mentors merging messing meta
    middles milling minister ministers minster minuet minuter minutest minutiae misses missing moaning mobster
    mobsters mocking moistens moister molding molester molesters monarch money monger mono monsieur mooning morons
    moth moths motorcyclist motorize motorizes mounding mountainous mounting mountings mourning mouse movies muddle
    narrower nearing neckline necklines needing nigh nighty noes noises noose nooses noshes nothing noting nude
    nuder nudes nuggets nursing objectors odor odors opener openings opinion opinions opposition options pace paces
    packet packets packing paginating pain paining pains painter painters pairing palate palates palavers palpates
    pane panes pant panting pants parenting parents parking parrot parson parsons parting partings partying passages
    passer passion passions passive pasterns pastors pasture pastures patches pate patented patenting patents pates
    patient patients payer payers peanuts pease pebbles peeking pees pennies pension peppiest perfect persona
    personae personal pest pester pesters petition phases phishing phonemes phoneys phonies phoniest phonograph
    phonographs photographers photon photons pianos piazza piazzas pickles pickups pictograph pictographs pillars
    pillions pinning pirates pitching placates placer placers plaice plainest plaint plaints plaiting plaits planner
    planning planted planter planting plantings plaques plateaus platens platter playgoer playgoers playpens
    pleaders pleas pleased pleases pleasure pliant plotters poaching pocket pockets pointer pointers policing
    pollster pollsters pone pones poop poppies porter porters portion poser posers posher positing positional
    positioned positions positive positron positrons possess posted posture potables potter potters powered powering
    powers praises prates prayer prayers prelates prepped preppies prepping present presses pressing prevent printed
    printer printing printings prosper prospers proving pulpiest pulsates punches punching puncture punctures
    punsters puppets purpler purplest purpose pursuing putt pyramided queers quests rabbi rabbis racing racists
    racket rackets raided raiders raisin rallying rams rapping ratings reacted reacting readers readings realize
    realizes realizing rebound recipes recover recovered recovering reds reelection reelections refining reflective
    reflector reflectors refraction refuses refusing regarding regards rejection rejections relates relating
    releases releasing relocation rematch remote reopened reopening reopens repeated repeating repletion replica
    replied replies replying resigns resisting resolve resolved rested resting retiring reverse revised revived
    revolving rewarding rewards rhombuses rickets riddle riders rigs ringer ringing ripper risers risking riveters
    riveting rivets roasted robbing robotics rocked rocker rockers rockiest rode rods roller rollers rookie rookies
    root rooted rooting roots roster rotation rotund rounder rounding roundup routine routing rovers rowboats rowers
    rubbish rubble ruining rumble rushed rushes sack sacked sacks sacred sailings sailors saints sake sale sales
    salver sampler samples sampling sanders sandwiched sash sate scaliest scanned scar scare scares scarfed scarfs
    scarred scarves scattered scents schticks science sciences scored scoring scrapped scratch scratches scratching
    screaming screams screwed scrimped scripted scummier sealing seared secured seeding seekers seeking seeping self
    sell selling sells sensing serving setback setter settings settling sewing shades shading shakers shallow
    shallows shames shaming shank shaping sharing sharpener sharpers shaves shaving shearers shedding sheering
    sheeting shelling shells shelter sheltered shelters sherry shes shilling shimmer shin shining shinny shires
    shirks shirrs shits shlepping shocked shocker shoddier shooter shooters shopped shopping shores shorten shortens
    shortest shouted shouting shouts shoves showers showman shredding shrimped shrine shrubs shtick shticks shudders
    shutter shutters shutting sibling sidewall sidewalls sideways sighting sights sign signs silvery simmer sims
    singer singers singles sipping siring sitars skaters sketched skiers skilled skillet skipped skirts slakes
    slapped slapping slayer slaying sledding sledging sleeking sleeper sleepier sleeting sleety sleeves slicks
    slider sliders slighted slighter slipped slipping slit sliver slopping slower slumber slummer slumping slurping
    smallish smallness smarter smartest smellier smelliest smelling smells smelting smilingly smirking smiting
    smokers smokiest smoking smoulder smoulders snacking snacks snailing snails snakiest snapped snapper snapping
    snared snares snatched sneaked sneakier sneaking sneering sneezing snickers snider snooker snoring snowmen
    soaking soared soaring socket soiling solder solders solider solver soon sorter sorting sourcing spanning spared
    spares sparing sparked sparking sparring speaker speakers spearing speeders speeding spelling spells spenders
    spending spends spiced spices spieling spilling spinner spinners spirits spit splicers spoiled spoiler spoilers
    spoiling spokes spoofs spooks spools spooring spoors sporing sportier sporting spotter sprang spraying spreeing
    sprig sprightly springy sprint sprints sprucing sprung spurning spurring spurting spyglasses spying squads
    squarest squire squires squirmed squirted squishy stabbed stablest stages staging stained stairs stakes stalker
    stalking stalks stalled stamina stamped stances standings staples starlets starlight starling starred started
    starter starting starts starve starving staying steamer steamers steeling steep steeping steering stepped
    sticker stickers stickies sticking stickups stifling stiles stillest stilling stinks stitch stitched stitches
    stitching stocked stocking stockings stocks stoke stokes stoles stolider stomping stoners stoniest stopped
    stores storing storks stoves straighter strained strains straits strand strapped streaks streaming streams
    striated stride strides strife striker strikers string stringed strings stripe stripes stripped stripper strive
    strived striving strolling stropped struggling stuffing stupider styling subset subsets summary summed summery
    summoner sundries sunfishes sunspots surfers surmised surmises surpassed surplused surprise surprises swatch
    swearers sweater sweaters sweeping sweepings sweeps swellest swilling swimmer swirling swollen swoons tableaus
    tablets tackles tackling tagging tainted takers tale tales talker tanning taping tapped tapping tasted teaches
    teaching teaming teas teasers teasing tees telephony telephoto telephotos telethon telethons teller tellers
    terrain terrains thanking thees thereby thicken thickener thickens thickest thicket thickets thickset thinking
    thinks thinners thinness thinnest thongs thorough though thought thriving thrones thrower throwers thunder
    ticker tidier tied tier tiers tighter tights tiller tinder ting tings tinker tinnier tinny tins tire titled
    toaster toffee toilets tonier topless tougher toughest touring tourney towels towering towing tracings tracked
    trackers tracking tracks traction trailer trails trainees trainers traitor traitors traits trans transfer
    transferring transfers transformers transparency transporting trapped treating tress tresses trickery trickier
    tricks tried trigger triggers tripping tron troopers trotters trough troupers trouser truces trucker truckers
    trucking truckles trunks trusting tsar tsars tuck tucks tuned tuning turbine turner tweeted tweeting twister
    twit twitch twitter typing undergo unions unite unites uniting upsides upward upwardly vending venting vesicle
    vesicles violate violent vising voting waders wafers wagers waiter waiters waiting walkers wallets warden waster
    wasters watched watcher watchers watches watching waterfowl waterfowls wavers waxing wearing wetter wheals
    wheedles whereas whistle whit whiten whiter widow widows wielding wilder willow winding winger winner winners
    winning winnings winnow winnows wins wintery wintrier wishes wits woodener woodmen woodsmen woolen wright
    writers writings yellower youngest youngster youths zinger
    """.split()
)
